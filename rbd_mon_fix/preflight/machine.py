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

"""Checks of this machine: QEMU, the journal's folder, the clock."""

from __future__ import annotations

import datetime
import os
import pathlib
import shutil
from typing import Callable, Iterator, Optional, Sequence
from urllib import parse

from rbd_mon_fix.clients import qemu_img
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.preflight import check as checking
from rbd_mon_fix.preflight import rules
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.state import private_folder

# The folders in --journal-dir.
_PARTS = ('runs', 'locks', 'histories')


def checks(context: contexts.Context, hosts: Sequence[str]) -> Iterator[Check]:
    """Yield a line for each requirement of a run on this machine."""
    yield _judged('journal', context.conf.journal_dir,
                  lambda: _folder(context.conf.journal_dir))
    yield _judged('clock', 'this machine', lambda: rules.clock(
        datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None),
        _database_clock(context), sessions.journal(context).latest()))
    yield _judged('qemu', 'rbd driver', lambda: _qemu(context, hosts))


def _qemu(context: contexts.Context, hosts: Sequence[str]) -> Check:
    if all(parse.urlsplit(context.libvirt_uri(host)).netloc for host in hosts):
        return checking.not_asked('qemu', 'rbd driver',
                                  'Libvirt is on another machine.')
    return checking.tried('qemu', 'rbd driver', qemu_img.rbd)


def _judged(check: str, subject: str, act: Callable[[], Check]) -> Check:
    """Return the result of a rule, or a failed check if it raises."""
    said: list[Check] = []

    def judge() -> str:
        said.append(act())
        return ''
    tried = checking.tried(check, subject, judge)
    return said[0] if said else tried


def _folder(path: str) -> Check:
    """Check the folder, or its nearest existing parent.

    :raises ConfigError: other users could alter files in the folder
    """
    for part in ('', *_PARTS):
        private_folder.check(os.path.join(path, part))
    place = next(each for each in (pathlib.Path(path).absolute(),
                                   *pathlib.Path(path).absolute().parents)
                 if each.exists())
    found = place.stat()
    return rules.folder(
        str(place), found.st_mode, os.access(place, os.W_OK | os.X_OK),
        shutil.disk_usage(place).free)


def _database_clock(context: contexts.Context) -> Optional[datetime.datetime]:
    """Return the database's time; another check reports a failure."""
    try:
        return (context.cinder_database.database.clock()
                if context.cinder_database else None)
    except checking.FAILURES:
        return None
