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

"""The ceph.conf of this host, and the sections that it should have."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Iterator, Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import ini
from rbd_mon_fix.ceph import override_block
from rbd_mon_fix.core import shielding
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model import secret
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.shield import Override
from rbd_mon_fix.model.shield import ShieldPlan
from rbd_mon_fix.state import foreign_file

# Guests that Nova does not know read the same ceph.conf.
_EVERYTHING = selections.ScanRequest(unmanaged=True)

Samples = Mapping[str, tuple[Locator, RbdDisk]]


@dataclasses.dataclass(frozen=True)
class ConfText:
    """A ceph.conf as it was read.

    :param before: the overrides in its block
    """

    path: str
    text: str
    before: tuple[Override, ...]

    def having(self, overrides: tuple[Override, ...]) -> ConfText:
        """Return the text with a block of these overrides, unwritten.

        :param overrides: empty to remove the block
        :raises Refused: the text, or the block in it, cannot be changed
        """
        with _explained(self.path):
            return ConfText(self.path, override_block.put(
                self.text, overrides), overrides)

    def write(self, overrides: tuple[Override, ...],
              in_place: bool) -> ConfText:
        """Write a block of these overrides, and return the new text.

        :param overrides: empty to remove the block
        :param in_place: whether something has the file itself mounted
        :raises Conflict: the file has changed; nothing was written
        :raises Refused: the text, or the block in it, cannot be changed
        :raises ConfigError: the file cannot be written
        """
        new = self.having(overrides)
        with _explained(self.path):
            foreign_file.swap(self.path, self.text.encode(),
                              new.text.encode(), in_place)
        return new


@dataclasses.dataclass(frozen=True)
class Survey:
    """What this host uses, and what its ceph.conf should say.

    :param host: this machine, as Nova names it
    :param plan: the sections for all users of images or sections
    :param refreshed: the sections for users that have one
    :param samples: one image of each user
    """

    host: str
    conf: ConfText
    plan: ShieldPlan
    refreshed: ShieldPlan
    samples: Samples


def read(context: contexts.Context) -> ConfText:
    """Return the ceph.conf that the config names.

    :raises ConfigError: the file cannot be read
    :raises Refused: the file is malformed, or its block was edited
    """
    path = str(context.conf.shield.conf)
    with _explained(path):
        text = foreign_file.read(path).decode()
        ini.parse(text)
        found = override_block.find(text)
    return ConfText(path, text, found.overrides if found else ())


def survey(context: contexts.Context) -> Survey:
    """Find the users of this host and their right monitors.

    Every document of the host counts, guests that Nova does not know
    included: an override takes effect on each image of its user.

    :raises ConfigError: the clusters must not be asked, the host is not this
        machine, or the config or the file cannot be used
    :raises Refused: the file is malformed, or its block was edited
    :raises Unreachable: libvirt, a database or every cluster is down
    """
    answering = context.answering
    if answering is None:
        raise exceptions.ConfigError(
            'The shield needs monitors that the cluster itself has listed, '
            'and --offline forbids to ask it.', 'Omit --offline.')
    conf = read(context)
    selection = selections.select(_EVERYTHING, context)
    context.local_host.require(selection.hosts, 'shield')
    copies = list(_copies(context, selection))
    rules = shielding.ShieldRules(
        context.histories.clusters, answering, _facts(conf, copies),
        tuple(shielding.ImageUse(copy.disk.image, copy.disk.user,
                                 copy.cluster)
              for copy in copies
              if copy.disk and copy.state is not State.UNREADABLE),
        tuple(dict.fromkeys(
            f'{copy.locator.store} of {copy.locator.instance}'
            for copy in copies if copy.state is State.UNREADABLE)))
    return Survey(
        selection.hosts[0], conf, rules.plan(),
        rules.plan(frozenset(each.user for each in conf.before)),
        _samples(copies))


def _copies(context: contexts.Context,
            selection: selections.Selection) -> Iterator[Copy]:
    judge = judging.Judge(context, selection)
    scan = scans.Scan(context, selection)
    for batch in scan.batches():
        yield from judge.judge(batch).plan.copies


def _facts(conf: ConfText, copies: list[Copy]) -> shielding.ConfFacts:
    users = {copy.disk.user for copy in copies if copy.disk}
    with _explained(conf.path):
        return shielding.ConfFacts(
            secret.canonical(ini.parse(conf.text)['global'].get('fsid')),
            conf.before, override_block.others(conf.text),
            frozenset(user for user in users
                      if user and not override_block.is_safe(user)))


def _samples(copies: list[Copy]) -> Samples:
    """Return an image of each user, one whose secret is named if possible."""
    found: dict[str, tuple[Locator, RbdDisk]] = {}
    for copy in copies:
        disk = copy.disk
        if (disk is None or disk.user is None
                or copy.state is State.UNREADABLE):
            continue
        known = found.get(disk.user)
        if known is None or (_names_secret(disk)
                             and not _names_secret(known[1])):
            found[disk.user] = copy.locator, disk
    return found


def _names_secret(disk: RbdDisk) -> bool:
    return bool(disk.secret_uuid or disk.secret_usage)


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Translate what the file or its text raises."""
    failure: Optional[exceptions.RbdMonFixError] = None
    try:
        yield
    except OSError as error:
        failure = exceptions.ConfigError(
            f'Cannot access {path}: {error.strerror}.',
            'Run as root on the compute host, and name the ceph.conf that '
            'QEMU reads with --shield-conf.')
    except ValueError as error:
        words = ('it is not UTF-8' if isinstance(error, UnicodeDecodeError)
                 else str(error))
        failure = exceptions.Refused(
            f'{path} is left alone: {words}.', 'Nothing was changed. Correct '
            'the file by hand; lines in the block belong elsewhere.')
    if failure:
        raise failure
