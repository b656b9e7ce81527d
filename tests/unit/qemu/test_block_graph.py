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

"""The answers of a real QEMU, and the requests of its devices."""

from __future__ import annotations

import json

import pytest

from rbd_mon_fix.qemu import block_graph
from tests.unit import fake_qemu

SCSI = '/machine/peripheral/scsi0/virtio-backend'


@pytest.fixture
def qemu():
    return fake_qemu.FakeQemu()


def test_a_real_guest(qemu):
    found = block_graph.graph(qemu)
    assert dict(found.devices) == {
        fake_qemu.VDA: 'libvirt-4-format',
        fake_qemu.VDA.replace('disk0', 'disk1'): 'libvirt-3-format',
        'ide0-0-0': 'libvirt-2-format', 'scsi0-0-0-0': 'libvirt-1-format'}
    node = found.nodes['libvirt-1-storage']
    assert (node.driver, node.direct, node.no_flush, node.read_only) == (
        'rbd', True, False, False)
    assert node.source == {
        'pool': 'vms', 'image': 'sc', 'driver': 'rbd', 'user': 'cinder',
        'server.0.host': '10.0.0.1', 'server.0.port': '6789'}
    assert found.nodes['libvirt-1-format'].detect_zeroes == 'on'
    assert found.nodes['libvirt-2-format'].read_only
    assert 'libvirt-4-storage-auth-secret0' in found.secrets
    assert qemu.sent == []


def test_its_state(qemu):
    """No image is looked at: QEMU would stand still if an OSD is silent."""
    for name in ('query-named-block-nodes', 'query-block'):
        del qemu.answers[name]
    found = block_graph.state(qemu)
    assert (found.status, found.work, found.iothreads) == ('running', (), ())
    assert {'blockdev-reopen', 'x-query-virtio'} <= found.commands
    assert found.bare == ()


def test_the_state_of_a_newer_qemu(qemu):
    """It has the command, and may not survive it."""
    fake_qemu.as_newer(qemu)
    found = block_graph.state(qemu)
    assert 'blockdev-reopen' in found.commands
    assert 'x-query-virtio' not in found.commands
    assert fake_qemu.VDA in found.bare and len(found.bare) == 4
    look = block_graph.requests(qemu, found.commands)
    assert (look.in_flight, look.kinds) == ({}, {})


@pytest.mark.parametrize('major, minor, is_asked', [
    (7, 2, True), (10, 0, True), (10, 1, False), (11, 0, False)])
def test_only_a_qemu_that_was_tried_is_asked(qemu, major, minor, is_asked):
    qemu.answers['query-version']['qemu'].update(major=major, minor=minor)
    assert ('x-query-virtio' in block_graph.state(qemu).commands) is is_asked


@pytest.mark.parametrize('name', [
    'rbd:vms/web:id=cinder:key=AQBSECRET==', 'json:{"driver": "rbd", "po',
    'json:[]', ''])
def test_names_that_tell_no_options(qemu, name):
    qemu.nodes['libvirt-1-format']['file'] = name
    assert block_graph.graph(qemu).nodes['libvirt-1-format'].source == {}


def test_work(qemu):
    qemu.answers.update({
        'query-jobs': [{'id': 'j', 'type': 'mirror', 'status': 'ready'}],
        'query-block-exports': [{'id': 'e', 'node-name': 'n', 'type': 'nbd'}],
        'query-migrate': {'status': 'active'}})
    assert block_graph.state(qemu).work == (
        'job j (mirror)', 'export e of n', 'migration (active)')
    qemu.answers['query-migrate'] = {'status': 'completed'}
    qemu.answers['query-commands'] = [{'name': 'stop'}]
    assert block_graph.state(qemu).work == ('job j (mirror)',)


def test_requests(qemu):
    look = block_graph.requests(qemu, ['x-query-virtio'])
    assert look.completed['ide0-0-0'] == 1
    assert look.completed[fake_qemu.VDA] > 10_000
    assert look.idle == pytest.approx(0.0376, abs=0.001)
    assert {path: (kind, look.in_flight[path])
            for path, kind in look.kinds.items()} == {
        fake_qemu.VDA: ('virtio-blk', 0), SCSI: ('virtio-scsi', 0),
        fake_qemu.VDA.replace('disk0', 'disk1'): ('virtio-blk', 0)}


def test_all_queues_count(qemu):
    qemu.answers['x-query-virtio-status']['num-vqs'] = 3
    qemu.answers['x-query-virtio-queue-status']['inuse'] = 2
    look = block_graph.requests(qemu, ['x-query-virtio'])
    assert set(look.in_flight.values()) == {6}


def test_an_older_qemu(qemu):
    look = block_graph.requests(qemu, [])
    assert (look.in_flight, look.kinds) == ({}, {})
    assert look.completed[fake_qemu.VDA] > 10_000


def test_a_guest_without_requests(qemu):
    for each in qemu.answers['query-blockstats']:
        each['stats'].pop('idle_time_ns', None)
    assert block_graph.requests(qemu, []).idle is None


def test_the_samples_have_no_key():
    text = json.dumps(fake_qemu.ANSWERS)
    assert 'key' not in text and '"data": ""' not in text
