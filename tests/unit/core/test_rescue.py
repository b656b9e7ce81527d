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

"""Each reason against moving the disks of a guest."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import rescue
from rbd_mon_fix.documents import live_disks
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.rescue import DiskFeature
from rbd_mon_fix.model.rescue import DiskMove
from rbd_mon_fix.model.rescue import RequestLook
from rbd_mon_fix.qemu import block_graph
from tests.unit import fake_qemu

SCSI = '/machine/peripheral/scsi0/virtio-backend'


@pytest.fixture
def qemu():
    return fake_qemu.FakeQemu()


def disks(**changes):
    """Return the real disks, with changes to the first one."""
    first, *rest = live_disks.read(fake_qemu.XML)
    return [dataclasses.replace(first, **changes), *rest]


def claims(**changes):
    first, *rest = fake_qemu.claims()
    return [dataclasses.replace(first, **changes), *rest]


def told(qemu, wanted=None, having=None):
    """Return the moves, and the reasons against others."""
    found = list(rescue.of_disks(wanted or fake_qemu.claims(),
                                 having or disks(), block_graph.graph(qemu)))
    return ([each for each in found if isinstance(each, DiskMove)],
            [str(each) for each in found if not isinstance(each, DiskMove)])


def test_a_real_guest(qemu):
    moves, refused = told(qemu)
    assert refused == []
    assert [(move.claim.target, move.number, move.secret, move.discard)
            for move in moves] == [
        (target, number, f'libvirt-{number}-storage-auth-secret0',
         'unmap' if target.startswith('vd') else None)
        for target, (number, _) in fake_qemu.DISKS.items()]
    assert list(rescue.of_guest(block_graph.state(qemu))) == []
    assert list(rescue.of_xml(fake_qemu.claims(), disks())) == []


def only(qemu, wanted=None, having=None):
    moves, refused = told(qemu, wanted, having)
    assert len(moves) == 3
    reason, = refused
    return reason


@pytest.mark.parametrize('feature', DiskFeature)
def test_features(feature):
    having = disks(features=(feature,))
    reason, = rescue.of_xml(fake_qemu.claims(), having)
    assert str(reason).startswith('vda: ') and str(reason).endswith('.')
    # Another cluster's disk may have any.
    assert list(rescue.of_xml(fake_qemu.claims()[1:], having)) == []


def test_a_disk_of_the_kernel():
    reason, = rescue.of_xml(fake_qemu.claims(), disks(
        image=None, path='/dev/rbd/vms/web'))
    assert 'vda: the kernel opens the image' in str(reason)


@pytest.mark.parametrize('changes, words', [
    ({'cluster': None, 'new': (), 'note': 'No cluster had this.'},
     'vda: No cluster had this.'),
    ({'new': ()}, 'its cluster is not known'),
    ({'new': (MonAddr('mon-a', 6789),)}, 'a name instead'),
    ({'new': (MonAddr('0.0.0.0', 0),)}, 'has no address'),
    ({'target': 'vdz'}, 'vdz: the running guest has no such disk'),
    ({'image': 'vms/other'}, 'no such disk any more')])
def test_claims(qemu, changes, words):
    assert words in only(qemu, claims(**changes))


def test_another_image_below_the_device(qemu):
    for name in ('libvirt-4-format', 'libvirt-4-storage'):
        node = qemu.nodes[name]
        node['file'] = node['file'].replace('"web"', '"old"')
    assert 'has opened another image' in only(qemu)


def change(qemu, name, **fields):
    qemu.nodes[name].update(fields)


def device(qemu):
    return next(each for each in qemu.answers['query-block']
                if each['qdev'] == fake_qemu.VDA)


def test_no_raw_node(qemu):
    """As libvirt 10.1 and newer start guests."""
    device(qemu)['inserted']['node-name'] = 'libvirt-4-storage'
    reason = only(qemu)
    assert 'no raw node' in reason and 'libvirt 10.1' in reason


def test_no_raw_node_seen_without_a_look_at_the_images(qemu):
    state = block_graph.state(qemu)
    assert list(rescue.of_nodes(fake_qemu.claims(), disks(), state)) == []
    fake_qemu.as_newer(qemu)
    state = block_graph.state(qemu)
    found = list(rescue.of_nodes(fake_qemu.claims(), disks(), state))
    assert sorted(each.disk for each in found) == ['hda', 'sda', 'vda', 'vdb']
    assert all('libvirt 10.1' in each.reason for each in found)
    assert [each.disk for each in rescue.of_nodes(
        claims()[:1], disks(), state)] == ['vda']
    unknown = [dataclasses.replace(disk, alias='') for disk in disks()]
    assert list(rescue.of_nodes(fake_qemu.claims(), unknown, state)) == []


@pytest.mark.parametrize('driver', ['throttle', 'copy-on-read', 'mirror_top'])
def test_a_filter(qemu, driver):
    change(qemu, 'libvirt-4-format', drv=driver)
    assert f'a filter is in front of it ({driver})' in only(qemu)


@pytest.mark.parametrize('spoil', [
    lambda qemu: change(qemu, 'libvirt-4-storage', drv='throttle'),
    lambda qemu: change(qemu, 'libvirt-4-storage', file='json:{"driver"'),
    lambda qemu: change(qemu, 'libvirt-4-storage', **{'node-name': 'x'}),
    lambda qemu: change(qemu, 'libvirt-4-format', file=''),
    lambda qemu: [change(qemu, f'libvirt-4-{name}', file='')
                  for name in ('format', 'storage')]])
def test_other_nodes(qemu, spoil):
    spoil(qemu)
    reasons = told(qemu)[1]
    assert 'other nodes for it than libvirt makes' in reasons[0]


def test_devices_that_are_not_there(qemu):
    assert 'no block device' in only(qemu, having=disks(alias='gone'))
    assert 'no block device' in only(qemu, having=disks(alias=''))
    device(qemu)['inserted']['node-name'] = 'gone'
    assert 'no node' in only(qemu)


def test_an_option_that_is_not_known(qemu):
    for name in ('libvirt-4-format', 'libvirt-4-storage'):
        node = qemu.nodes[name]
        node['file'] = node['file'].replace(
            '"pool"', '"snapshot": "s", "pool"')
    assert 'with the option snapshot' in only(qemu)


def test_no_key(qemu):
    qemu.answers['qom-list'] = [
        each for each in qemu.answers['qom-list']
        if not each['name'].startswith('libvirt-4-')]
    assert 'no object with its key' in only(qemu)
    for name in ('libvirt-4-format', 'libvirt-4-storage'):
        node = qemu.nodes[name]
        node['file'] = node['file'].replace(', "user": "cinder"', '')
    moves, refused = told(qemu)
    assert refused == [] and moves[0].secret is None


def test_an_image_twice(qemu):
    first, *rest = disks()
    again = dataclasses.replace(first, target='vdc')
    assert 'has its image twice' in only(
        qemu, having=[first, *rest, again])


def test_an_image_that_cannot_be_moved_along(qemu):
    qemu.answers['query-named-block-nodes'].append(
        {**qemu.nodes['libvirt-4-storage'], 'node-name': 'pflash'})
    moves, (reason,) = told(qemu)
    assert len(moves) == 4
    assert 'node pflash belongs to no disk' in reason


@pytest.mark.parametrize('answers, words', [
    ({'query-status': {'status': 'paused'}}, 'does not run (paused)'),
    ({'query-jobs': [{'id': 'j', 'type': 'backup'}]}, 'job j (backup)'),
    ({'query-iothreads': [{'id': 'iothread1'}]}, 'iothread: iothread1'),
    ({'query-commands': [{'name': 'blockdev-add'}]}, 'no blockdev-reopen')])
def test_of_guest(qemu, answers, words):
    qemu.answers.update(answers)
    reason, = rescue.of_guest(block_graph.state(qemu))
    assert words in str(reason)


def test_an_earlier_rescue(qemu):
    qemu.answers['query-named-block-nodes'].append(
        {**qemu.nodes['libvirt-4-storage'], 'node-name': 'rbd-mon-fix-4'})
    moves, (reason,) = told(qemu)
    assert 'left the node rbd-mon-fix-4' in reason


def look(completed=0, idle=1.0, **in_flight):
    """Return a look; the requests of vda and of the SCSI controller."""
    paths = {'vda': fake_qemu.VDA, 'scsi': SCSI}
    vdb = fake_qemu.VDA.replace('disk0', 'disk1')
    return RequestLook(
        {path: completed for path in (fake_qemu.VDA, vdb, 'ide0-0-0',
                                      'scsi0-0-0-0')},
        {paths[name]: count for name, count in in_flight.items()}
        | ({vdb: 0} if in_flight else {}),
        {paths[name]: 'virtio-scsi' if name == 'scsi' else 'virtio-blk'
         for name in in_flight}, idle)


@pytest.mark.parametrize('looks, hang', [
    # Idle, or busy with a moment without requests.
    ([look(vda=0, scsi=0)], ''),
    ([look(vda=3, scsi=1), look(vda=0, scsi=1), look(vda=9, scsi=0)], ''),
    # Requests are in flight all the time, though others are completed.
    ([look(vda=1, scsi=0), look(5, vda=1, scsi=0)], 'vda'),
    ([look(vda=0, scsi=1), look(9, vda=0, scsi=1)], 'sda'),
    # QEMU older than 7.2: only completed requests tell. The CD-ROM is only
    # read.
    ([look(), look()], 'vda vdb sda'),
    ([look(1), look(1), look(2)], '')])
def test_hanging(looks, hang):
    found = list(rescue.hanging(fake_qemu.claims(), disks(), looks))
    assert ' '.join(each.disk for each in found) == hang


def test_a_scsi_controller_that_counts_nothing():
    found = list(rescue.hanging(fake_qemu.claims(), disks(), [look(vda=0)]))
    assert [each.disk for each in found] == ['sda']


@pytest.mark.parametrize('idle, count', [
    (None, 1), (rescue.IDLE + 1, 1), (rescue.IDLE, 0)])
def test_a_guest_that_does_nothing(idle, count):
    """Its images may hang all the same: nothing tells."""
    found = list(rescue.hanging(fake_qemu.claims(), disks(), [
        look(idle=idle, vda=0, scsi=0)]))
    assert ['completed no request' in str(each)
            for each in found] == [True] * count


def test_claims_without_a_disk():
    assert list(rescue.hanging(claims(target='vdz'), disks(), [
        look(vda=0, scsi=0)])) == []
