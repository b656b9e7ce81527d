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

"""A short race on a real libvirtd and an embedded driver, and its judge."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from rbd_mon_fix.model.plan import Verdict
from tests.faults import libvirt_races
from tests.faults.conftest import thorough
from tests.faults.libvirt_races import Edit
from tests.faults.libvirt_races import Put
from tests.functional import guests

SECONDS = 5
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
UUID = libvirt_races.UUIDS[0]


@pytest.fixture(params=['libvirtd', thorough('embedded')])
def where(request, tmp_path):
    """Return arguments that name a libvirt."""
    if request.param == 'libvirtd':
        return []
    (tmp_path / 'etc').mkdir()
    (tmp_path / 'etc' / 'qemu.conf').write_text(guests.QEMU_CONF)
    return ['--uri', f'qemu:///embed?root={tmp_path}']


def test_a_define_that_was_overwritten_is_not_called_fixed(where):
    """But for one of a libvirt whose files are not known (how-it-works)."""
    ran = subprocess.run(
        [sys.executable, '-m', 'tests.faults.libvirt_races', '--seconds',
         str(SECONDS), *where], cwd=REPOSITORY, stdout=subprocess.PIPE,
        text=True, timeout=180)
    print(ran.stdout)
    counts = json.loads(ran.stdout)
    assert counts['lost_called_fixed'] <= (not where), counts
    assert counts['lost_unexplained'] == 0, counts
    assert counts['rounds'] > 0
    assert counts['foreign_defines'] > 0
    assert counts['verdicts']['fixed'] > 0
    assert ran.returncode == bool(counts['lost_called_fixed'])


EDITS = [Edit(UUID, 'first', 'a', 1, 2), Edit(UUID, 'first', 'b', 5, 6)]
FIXED, UNVERIFIED = Verdict.FIXED, Verdict.UNVERIFIED


@pytest.mark.parametrize('edits, puts, last, lost, unexplained, false', [
    ([], [], 'first', 0, 0, 0),
    ([EDITS[0]], [Put(UUID, 'first', 1, 2, FIXED)], 'a', 0, 0, 0),
    ([EDITS[0]], [Put(UUID, 'first', 1.5, 3, FIXED)], 'first', 1, 0, 1),
    ([EDITS[0]], [Put(UUID, 'first', 1.5, 3, UNVERIFIED)], 'first', 1, 0, 0),
    ([EDITS[0]], [Put(UUID, 'first', 0, 1, FIXED),
                  Put(UUID, 'first', 1, 3, UNVERIFIED)], 'first', 1, 0, 0),
    ([EDITS[0]], [Put(UUID, 'first', 1, 3, Verdict.CONFLICT)], 'first',
     1, 1, 0),
    ([EDITS[0]], [Put(UUID, 'first', 3, 4, FIXED)], 'first', 1, 1, 0),
    ([EDITS[0]], [Put(UUID, 'a', 1, 3, FIXED)], 'first', 1, 1, 0),
    ([EDITS[0]], [Put(UUID, 'older', 1, 3, FIXED)], 'first', 1, 0, 1),
    ([EDITS[0]], [Put(UUID, 'older', 1, 2, UNVERIFIED),
                  Put(UUID, 'first', 2, 3, FIXED)], 'first', 1, 0, 1),
    ([EDITS[0]], [Put(libvirt_races.UUIDS[1], 'first', 1, 3, FIXED)],
     'first', 1, 1, 0),
    (EDITS, [Put(UUID, 'first', 1, 2, FIXED)], 'b', 1, 0, 1),
    (EDITS, [Put(UUID, 'first', 1, 2, UNVERIFIED),
             Put(UUID, 'first', 5, 6, FIXED)], 'first', 2, 0, 1)])
def test_the_judge(edits, puts, last, lost, unexplained, false):
    counts = libvirt_races._counts(edits, puts, {
        **dict.fromkeys(libvirt_races.UUIDS, 'first'), UUID: last})
    assert (counts['lost'], counts['lost_unexplained'],
            counts['lost_called_fixed']) == (lost, unexplained, false)
    assert counts['foreign_defines'] == len(edits)
