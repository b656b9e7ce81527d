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


@pytest.mark.parametrize('mode, writable, room, word', [
    (FOLDER, True, MUCH, ''),
    (FOLDER | 0o055, True, MUCH, ''),
    (stat.S_IFREG | 0o600, True, MUCH, 'not a folder'),
    (FOLDER, False, MUCH, 'not writable'),
    (FOLDER, True, rules.ROOM - 1, 'MiB are free'),
])
def test_folder(mode, writable, room, word):
    check = rules.folder('/j', mode, writable, room)
    assert check.works is (Works.NO if word else Works.YES)
    assert word in check.finding
