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

"""Pure rules that judge the measurements of ``preflight``."""

from __future__ import annotations

import datetime
import stat
from typing import Optional

from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works

# About the size of a journal of 100,000 changes.
ROOM = 100 * 1024 ** 2

# Nova and Cinder consider a service down after a minute without a report, so
# clocks must be closer than that.
SKEW = datetime.timedelta(seconds=30)


def clock(now: datetime.datetime, database: Optional[datetime.datetime],
          last_run: Optional[datetime.datetime]) -> Check:
    """Judge the clock of this machine.

    :param now: the time here; all three times are UTC
    :param database: the time on a database server; None if unknown
    :param last_run: the start of the journal's last run; None if no run
    """
    advice = ('Correct the clock, for example with NTP: run IDs contain the '
              'time.')
    if last_run and now < last_run:
        return Check('clock', 'this machine', Works.NO,
                     f'The clock shows {_shown(now)}, which is before the '
                     f'last run in the journal ({_shown(last_run)}).', advice)
    if database is None:
        return Check('clock', 'this machine', Works.YES,
                     f'The clock shows {_shown(now)}; there is no other '
                     'clock to compare it with.')
    apart = abs(now - database)
    if apart > SKEW:
        return Check('clock', 'this machine', Works.NO,
                     f'The clock shows {_shown(now)}, but the database '
                     f"server's clock shows {_shown(database)}.", advice)
    return Check('clock', 'this machine', Works.YES,
                 f'The clock shows {_shown(now)} and agrees with the '
                 'database server.')


def folder(path: str, mode: int, writable: bool, room: int) -> Check:
    """Judge the journal's folder, or the one in which it would be created.

    Whether other users could alter it is judged when it is opened.

    :param room: free bytes
    """
    def no(finding: str, advice: str) -> Check:
        return Check('journal', path, Works.NO, finding, advice)

    if not stat.S_ISDIR(mode):
        return no('This is not a folder.',
                  'Give another one with --journal-dir.')
    if not writable:
        return no('The folder is not writable.', 'Give another one with '
                  '--journal-dir, or run as a user who may write there.')
    if room < ROOM:
        return no(f'Only {room // 1024 ** 2} MiB are free.', 'Make room, or '
                  'give another folder with --journal-dir.')
    return Check('journal', path, Works.YES,
                 f'Writable, {room // 1024 ** 2} MiB are free.')


def _shown(time: datetime.datetime) -> str:
    return f'{time:%Y-%m-%d %H:%M:%S} UTC'
