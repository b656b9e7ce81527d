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

"""The compute host's ceph.conf, for each server with disks of Nova's own."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from tests.unit import memory
from tests.unit.stores import ceph_conf_place
from tests.unit.stores import places


@pytest.fixture
def place(tmp_path):
    return ceph_conf_place.CephConfPlace(tmp_path)


def keys(place, scope):
    return [record.locator.key for record in place.store.scan(scope)]


def test_the_record_names_the_file(place):
    [record] = [place.store.get(place.add(1))]
    assert record.path == str(place.path)
    assert record.locator.key == f'vms/{memory.uuid(1)}_disk'
    assert record.document.disks[0].key == 'volume'


@pytest.mark.parametrize('suffixes, key', [
    (['_disk'], '_disk'), (['_disk.config', '_disk'], '_disk'),
    (['_disk.config'], '_disk.config'), ([], None)])
def test_any_disk_of_its_own_makes_a_server_depend_on_it(place, suffixes,
                                                         key):
    uuid = memory.uuid(1)
    place.add(1)
    place.images[uuid] = tuple(f'vms/{uuid}{each}' for each in suffixes)
    assert keys(place, place.scope(1)) == (
        [f'vms/{uuid}{key}'] if key else [])


def test_no_domain_tells_nothing(place):
    place.add(1)
    scope = place.scope(1)
    assert keys(place, dataclasses.replace(scope, before=None)) == []
    assert keys(place, dataclasses.replace(scope, before=(Record(
        Locator('domain', places.HOST, memory.uuid(1), ''), None),))) == []


@pytest.mark.parametrize('fields', [{'host': 'cmp2'}, {'managed': False}])
def test_who_does_not_start_with_it(place, fields):
    """Another host has another file, and Nova starts only its own servers."""
    place.add(1)
    scope = place.scope(1)
    others = {uuid: dataclasses.replace(instance, **fields)
              for uuid, instance in scope.instances.items()}
    assert keys(place, dataclasses.replace(scope, instances=others)) == []


def test_the_file_is_read_once(place, monkeypatch):
    for server in (1, 2, 3):
        place.add(server)
    reads = []
    read = type(place.ceph_conf()).read
    monkeypatch.setattr(type(place.ceph_conf()), 'read',
                        lambda conf: reads.append(1) or read(conf))
    assert len(keys(place, place.scope(1, 2, 3))) == 3
    assert reads == [1]


def test_a_file_that_names_no_monitors_is_unreadable_to_all(place):
    for server in (1, 2):
        place.add(server, '[global]\nmon_host = nonsense!\n')
    records = list(place.store.scan(place.scope(1, 2)))
    assert [record.document for record in records] == [None, None]
    assert all(str(place.path) in record.unreadable for record in records)
    assert {record.locator.instance for record in records} == {
        memory.uuid(1), memory.uuid(2)}
