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

"""Backends, their disks, and lists of monitors that are claims."""

import dataclasses

import pytest

from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.cluster import VolumeService
from rbd_mon_fix.model.disk import RbdDisk
from tests.unit import memory


@pytest.mark.parametrize('backend, disk, expected', [
    (('volumes', 'cinder', 'S'), ('volumes/a', 'cinder', 'S'), True),
    (('volumes', None, None), ('volumes/a', None, None), True),
    (('volumes', 'cinder', 'S'), ('volumes/ns/a', 'cinder', 'S'), True),
    (('volumes', 'cinder', 'S'), ('volumes2/a', 'cinder', 'S'), False),
    (('volumes', 'cinder', 'S'), ('volumes/a', 'nova', 'S'), False),
    (('volumes', 'cinder', 'S'), ('volumes/a', 'cinder', 'T'), False),
    (('volumes', 'cinder', 'S'), ('volumes/a', 'cinder', None), False),
    (('volumes', None, 'S'), ('volumes/a', 'cinder', 'S'), False),
    ((None, 'cinder', 'S'), ('volumes/a', 'cinder', 'S'), True),
])
def test_matches(backend, disk, expected):
    pool, user, secret = backend
    image, disk_user, disk_secret = disk
    owner = Backend('cinder', 'rbd', pool, user, secret)
    assert owner.matches(RbdDisk('vda', image, disk_user, disk_secret, (), ''
                                 ).access) is expected


@pytest.mark.parametrize('stated, expected', [
    ((None, None, None), True), (('volumes', 'cinder', 'S'), True),
    ((None, None, 'S'), True), ((None, None, 'T'), False),
    (('vms', None, None), False), ((None, 'nova', None), False)])
def test_a_host_without_openstack_matches_what_is_not_stated(stated,
                                                             expected):
    assert Backend('libvirt', '', *stated).matches(
        RbdDisk('vda', 'volumes/a', 'cinder', 'S', (), '').access) is expected


@pytest.mark.parametrize('owner, host, service, expected', [
    ('cinder', None, 'ctl@rbd', True), ('cinder', 'ctl', 'ctl@rbd', True),
    ('cinder', 'ctl', 'dcn1@rbd', False), ('cinder', None, 'ctl@x', False),
    ('cinder', None, 'ctl', False), ('nova', None, 'ctl@rbd', False)])
def test_serves(owner, host, service, expected):
    name, _, section = service.partition('@')
    backend = Backend(owner, 'rbd', 'volumes', 'cinder', 'S', host)
    assert str(VolumeService(name, section)) == service
    assert backend.serves(VolumeService(name, section)) is expected


@pytest.mark.parametrize('source, expected', [
    (Source.MON_DUMP, False), (Source.CEPH_CONF, True),
    (Source.MONITORS_FILE, True), (Source.NONE, False)])
def test_a_list_of_others_is_a_claim(source, expected):
    cluster = dataclasses.replace(memory.cluster(), source=source)
    assert cluster.is_claim is expected


@pytest.mark.parametrize('fields, expected', [
    ({}, 'mon-dump'), ({'written': '2026-11-21'}, 'mon-dump'),
    ({'source': Source.CEPH_CONF}, 'ceph.conf'),
    ({'source': Source.CEPH_CONF, 'written': '2026-11-21'},
     'ceph.conf, written 2026-11-21'),
    ({'source': Source.MONITORS_FILE, 'written': '2026-11-21',
      'first_source': 'ceph.conf'},
     'monitors-file (ceph.conf), written 2026-11-21')])
def test_origin(fields, expected):
    assert dataclasses.replace(memory.cluster(), **fields).origin == expected
