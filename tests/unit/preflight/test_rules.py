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

"""The rules for folders and clocks."""

from __future__ import annotations

import datetime
import stat

import pytest

from rbd_mon_fix.preflight import rules
from rbd_mon_fix.preflight.check import Works

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)
MUCH = 10 * rules.ROOM
FOLDER = stat.S_IFDIR | 0o700


def at(seconds):
    return NOW + datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize('database, last, works', [
    (None, None, 'yes'),
    (at(0), at(-9), 'yes'),
    (at(30), None, 'yes'),
    (at(-30), None, 'yes'),
    (at(31), None, 'no'),
    (at(-31), None, 'no'),
    (None, at(1), 'no'),
    (at(0), at(1), 'no'),
])
def test_clock(database, last, works):
    check = rules.clock(NOW, database, last)
    assert check.works is Works(works)
    assert bool(check.advice) is (works == 'no')


@pytest.mark.parametrize('owner, mode, me, writable, room, word', [
    (0, FOLDER, 0, True, MUCH, ''),
    (7, FOLDER, 7, True, MUCH, ''),
    (0, FOLDER | 0o055, 7, True, MUCH, ''),
    (0, FOLDER | 0o1077, 7, True, MUCH, ''),
    (0, stat.S_IFREG | 0o600, 0, True, MUCH, 'not a folder'),
    (0, FOLDER, 7, False, MUCH, 'not writable'),
    (0, FOLDER, 0, True, rules.ROOM - 1, 'MiB are free'),
    (8, FOLDER, 0, True, MUCH, 'user 8'),
    (0, FOLDER | 0o020, 0, True, MUCH, '0720'),
    (0, FOLDER | 0o002, 0, True, MUCH, '0702'),
])
def test_folder(owner, mode, me, writable, room, word):
    check = rules.folder('/j', owner, mode, me, writable, room)
    assert check.works is (Works.NO if word else Works.YES)
    assert word in check.finding
