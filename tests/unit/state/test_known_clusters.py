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

"""The file that stores the fsids of known clusters."""

from __future__ import annotations

import stat

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.state import known_clusters

FSIDS = {
    Backend('cinder', 'ssd', 'volumes', 'cinder', None): 'one',
    Backend('nova', '', 'vms', None, 'secret'): 'one',
    Backend('libvirt', '', None, None, None): 'two',
}


def test_before_the_first_run(tmp_path):
    assert known_clusters.load(str(tmp_path / 'nowhere')) == {}


def test_there_and_back(tmp_path):
    known_clusters.save(str(tmp_path), {})
    known_clusters.save(str(tmp_path), FSIDS)
    assert known_clusters.load(str(tmp_path)) == FSIDS
    kept, = tmp_path.iterdir()
    assert kept.name == 'clusters.json'
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize('text', [
    '', '[]', '{}', '{"backends": [{}]}', '{"backends": [1]}', '\udcff'])
def test_damaged(tmp_path, text):
    (tmp_path / 'clusters.json').write_text(text, errors='surrogateescape')
    with pytest.raises(exceptions.ConfigError) as caught:
        known_clusters.load(str(tmp_path))
    assert 'clusters.json' in caught.value.message


def test_a_folder_in_its_place(tmp_path):
    (tmp_path / 'clusters.json').mkdir()
    with pytest.raises(exceptions.ConfigError):
        known_clusters.save(str(tmp_path), FSIDS)
    assert [each.name for each in tmp_path.iterdir()] == ['clusters.json']
