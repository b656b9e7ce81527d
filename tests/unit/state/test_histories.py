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

"""The epochs of monmaps that are kept between runs."""

from __future__ import annotations

import json
import stat

import pytest

from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.state import histories
from tests.unit import memory

FSID = '0b5e1c1d-4f6a-4b53-8c22-6c1a2d1f0d01'
HISTORY = MonHistory().merged([
    MonEpoch(1, '2026-11-01', memory.monmap('10.0.0.1:6789,[fd00::1]:6789')),
    MonEpoch(4, '', memory.monmap(memory.NEW))])


def test_round_trip(tmp_path):
    folder = str(tmp_path)
    assert histories.load(folder, FSID) == MonHistory()
    histories.save(folder, FSID, HISTORY)
    assert histories.load(folder, FSID) == HISTORY
    assert histories.load(folder, 'another') == MonHistory()
    path = tmp_path / 'histories' / f'{FSID}.json'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize('text', [
    '', 'x', '[]', '{"version": 1}', '{"version": 1, "epochs": [{}]}',
    '{"version": 1, "epochs": 5}', '[' * 200_000,
    '{"version": 1, "epochs": [{"epoch": 1e999, "modified": "", '
    '"monitors": []}]}',
    json.dumps({'version': 1, 'epochs': [
        {'epoch': 1, 'modified': '', 'monitors': [
            {'name': 'a', 'addr': 'no address!', 'addrs': []}]}]})])
def test_what_cannot_be_read_counts_as_nothing(tmp_path, caplog, text):
    path = tmp_path / 'histories' / f'{FSID}.json'
    path.parent.mkdir()
    path.write_text(text)
    assert histories.load(str(tmp_path), FSID) == MonHistory()
    assert str(path) in caplog.text


def test_another_version_counts_as_nothing(tmp_path):
    path = tmp_path / 'histories' / f'{FSID}.json'
    path.parent.mkdir()
    path.write_text('{"version": 2, "epochs": []}')
    assert histories.load(str(tmp_path), FSID) == MonHistory()


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path):
    (tmp_path / 'histories').write_text('')
    histories.save(str(tmp_path), FSID, HISTORY)
    assert (tmp_path / 'histories').read_text() == ''
