# Copyright The rbd-mon-fix authors
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The screen of ``shield``: the cephx users that need action first."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Optional, Sequence

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

_HANG = 6


@dataclasses.dataclass(frozen=True)
class UserLine:
    """One cephx user of this host and its section.

    :param user: None for disks without a cephx user
    :param fsid: None without a section
    :param addrs: the addresses in the section
    :param note: the reason if there is one, or ''
    :param fine: whether the user needs no action
    :param action: the action of ``shield`` to take next, or ''
    """

    user: Optional[str]
    state: str
    fsid: Optional[str]
    addrs: tuple[MonAddr, ...]
    note: str
    fine: bool
    action: str = ''


def screen(users: Sequence[UserLine], path: str, is_removed: bool,
           view: views.View, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the verdict, the users, and the command to type next.

    :param path: the ceph.conf
    :param is_removed: whether the shield was just removed
    """
    if is_removed:
        yield from sheet.prose(f'There is no shield in {path}.', 'green')
        return
    if not users:
        yield from sheet.prose(
            'No document of this host names an RBD disk: there is nothing '
            'to shield.')
        return
    wrong = sum(not each.fine for each in users)
    yield from sheet.prose(_verdict(users, path, wrong),
                           style.BAD if wrong else 'green')
    yield []
    for each in sorted(users, key=lambda each: each.fine):
        yield from _user(each, sheet)
    actions = {each.action for each in users if each.action}
    if actions:
        yield []
        # An installation refreshes the other sections as well.
        yield sheets.command('Next', view.command('shield', min(actions)))


def _verdict(users: Sequence[UserLine], path: str, wrong: int) -> str:
    if not any(each.addrs for each in users):
        return f'There is no shield in {path}.'
    if not wrong:
        return f'The shield in {path} is in order. There is nothing to do.'
    verb = 'needs' if wrong == 1 else 'need'
    return (f'The shield in {path} is not in order: {wrong} of {len(users)} '
            f'cephx users {verb} action.')


def _user(each: UserLine, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    head, colour = ('  ok  ', '') if each.fine else ('  NO  ', style.BAD)
    name = 'without cephx' if each.user is None else each.user
    where = f', fsid {each.fsid}' if each.fsid else ''
    yield from sheet.prose(f'{name}: {each.state}{where}', colour, head,
                           _HANG)
    indent = ' ' * _HANG
    if each.addrs:
        yield from sheet.prose(
            sheet.addresses(each.addrs, sheet.width - _HANG), '', indent,
            _HANG)
    if each.note:
        yield from sheet.prose(each.note, '', indent, _HANG)
