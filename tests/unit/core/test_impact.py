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


"""The operations that fail because they read a stale copy, and why."""

from __future__ import annotations

import pytest

from rbd_mon_fix.core import impact
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.stores import registry
from tests.unit import memory

UUID = '3836dcf1-d7d3-4977-a082-d19f0201f4b0'
VOLUME, OWN = 'volumes/volume-7197ba11', f'vms/{UUID}_disk'
BDM, DOMAIN, LIVE, CONF = 'nova-bdm', 'domain', 'live-domain', 'ceph-conf'
BDM_START = 'start hard-reboot'


def broken(image, vm_state, stores=('domain', 'managed-save'),
           managed=True, own_root=False, nova=None, task_state=None):
    """Return the operations that each store breaks, if it breaks any."""
    disk = RbdDisk('vda', image, 'cinder', None, (), '')
    server = impact.Server(
        Instance(UUID, 'h', vm_state=vm_state, task_state=task_state,
                 managed=managed),
        frozenset(stores), own_root, nova)
    found = {store: impact.breaks(store, disk, server)
             for store in registry.SPECS}
    return {store: ' '.join(each.value for each in operations)
            for store, operations in found.items() if operations}


# States: check_instance_state in nova/compute/api.py, nova-34.0.0.
@pytest.mark.parametrize('vm_state, volume, own', [
    ('active',
     {BDM: 'start hard-reboot rescue', DOMAIN: 'soft-reboot rescue',
      LIVE: 'suspend'},
     {DOMAIN: 'soft-reboot rescue', LIVE: 'suspend live-migrate',
      CONF: 'start hard-reboot rescue'}),
    ('paused', {BDM: BDM_START},
     {LIVE: 'live-migrate', CONF: BDM_START}),
    ('stopped', {BDM: 'start hard-reboot rescue', DOMAIN: 'rescue'},
     {DOMAIN: 'rescue', CONF: 'start hard-reboot rescue'}),
    ('error', {BDM: 'start hard-reboot rescue', DOMAIN: 'rescue'},
     {DOMAIN: 'rescue', CONF: 'start hard-reboot rescue'}),
    ('suspended', {BDM: 'hard-reboot', 'managed-save': 'resume'},
     {'managed-save': 'resume', CONF: 'hard-reboot'}),
    ('rescued', {BDM: 'start', 'unrescue': 'unrescue'},
     {'unrescue': 'unrescue', CONF: 'start unrescue'}),
    # The revert reads the file of the host that the server came from.
    ('resized', {BDM: 'start revert'}, {CONF: 'start'}),
    # Restored, or unshelved: power_on.
    ('soft-delete', {BDM: 'start'}, {CONF: 'start'}),
    ('shelved', {BDM: 'start'}, {CONF: 'start'}),
    ('building', {BDM: 'start'}, {CONF: 'start'}),
    # On no host.
    ('shelved_offloaded', {}, {}),
    ('deleted', {}, {}),
    # Nova was not asked.
    (None,
     {BDM: 'start hard-reboot rescue migrate revert',
      DOMAIN: 'soft-reboot rescue', 'managed-save': 'resume',
      'unrescue': 'unrescue', LIVE: 'suspend'},
     {DOMAIN: 'soft-reboot rescue', 'managed-save': 'resume',
      'unrescue': 'unrescue', LIVE: 'suspend live-migrate',
      CONF: 'start hard-reboot unrescue rescue migrate'}),
])
def test_a_server_of_nova(vm_state, volume, own):
    assert broken(VOLUME, vm_state) == volume
    assert broken(OWN, vm_state) == own


# driver.py, resume and _get_existing_domain_xml
@pytest.mark.parametrize('stores, volume, own', [
    (('domain', 'managed-save'), 'managed-save', ['managed-save']),
    (('managed-save',), 'managed-save', ['managed-save']),
    (('domain',), 'domain', ['domain', 'managed-save']),
    ((), 'nova-bdm', ['domain', 'managed-save', 'ceph-conf']),
])
def test_a_suspended_server_resumes_from_what_there_is(stores, volume, own):
    """A store without a record has no copy that could be stale."""
    present = {'nova-bdm', *stores}
    assert {store for store, operations in broken(
        VOLUME, 'suspended', stores).items()
        if 'resume' in operations and store in present} == {volume}
    assert [store for store, operations in broken(
        OWN, 'suspended', stores).items() if 'resume' in operations] == own


# driver.py, snapshot: _needs_suspend_resume_for_snapshot
@pytest.mark.parametrize('vm_state, own_root, found', [
    ('active', True, True), ('paused', True, True),
    ('active', False, False), ('paused', False, False),
    # It is off: libvirt has no guest to suspend.
    ('stopped', True, False), ('suspended', True, False)])
@pytest.mark.parametrize('image', [VOLUME, OWN])
def test_a_snapshot_of_novas_own_root_disk_starts_the_guest_again(
        vm_state, own_root, found, image):
    fails = broken(image, vm_state, own_root=own_root).get(LIVE, '')
    assert ('snapshot' in fails) is found


# driver.py, snapshot: direct_snapshot
@pytest.mark.parametrize('vm_state', [
    'active', 'paused', 'stopped', 'suspended'])
@pytest.mark.parametrize('own_root', [True, False])
def test_a_snapshot_of_novas_own_root_disk_reads_ceph_conf(vm_state,
                                                           own_root):
    fails = broken(OWN, vm_state, own_root=own_root)[CONF]
    assert ('snapshot' in fails) is own_root


# nova/virt/libvirt/migration.py, _update_rbd_xml (ac8e06febe), is older than
# service version 73; 2026.1 has 72 (nova/objects/service.py).
@pytest.mark.parametrize('nova, found', [
    (None, True), (30, True), (72, True), (73, False), (74, False)])
def test_live_migration_of_novas_own_disks_depends_on_the_release(nova,
                                                                  found):
    fails = broken(OWN, 'active', nova=nova)
    assert ('live-migrate' in fails[LIVE]) is found
    # Later releases ask Ceph instead, with the file of the host.
    assert ('live-migrate' in fails[CONF]) is not found
    # pre_live_migration asks Cinder.
    assert broken(VOLUME, 'active', nova=nova)[LIVE] == 'suspend'


# manager.py, _init_instance
@pytest.mark.parametrize('task_state, found', [
    (None, False), ('resize_prep', False), ('resize_migrating', True),
    ('resize_migrated', False), ('migrating', False)])
def test_a_migration_that_is_cut_off_is_taken_back(task_state, found):
    fails = broken(VOLUME, 'active', task_state=task_state)[BDM]
    assert ('migrate' in fails.split()) is found


@pytest.mark.parametrize('vm_state, expected', [
    ('active', {DOMAIN: 'start', LIVE: 'suspend live-migrate'}),
    ('paused', {DOMAIN: 'start', LIVE: 'suspend live-migrate'}),
    ('stopped', {DOMAIN: 'start', LIVE: 'suspend live-migrate'}),
    # Libvirt starts it from the image and ignores the domain's XML.
    ('suspended', {'managed-save': 'start', LIVE: 'suspend live-migrate'}),
])
@pytest.mark.parametrize('image', [VOLUME, OWN])
def test_a_guest_without_nova(image, vm_state, expected):
    assert broken(image, vm_state, managed=False) == expected


@pytest.mark.parametrize('image, own', [
    (f'vms/{UUID}_disk', True), (f'vms/{UUID}_disk.config', True),
    (f'vms/space/{UUID}_disk', True),
    (f'vms/{UUID}', False), (f'vms/x-{UUID}_disk', False),
    ('vms/00000000-0000-4000-8000-000000000000_disk', False)])
def test_novas_own_disk_is_known_by_its_image(image, own):
    assert (BDM in broken(image, 'active')) is not own


def test_each_operation_is_broken_by_something():
    words = ' '.join([*broken(VOLUME, None, own_root=True).values(),
                      *broken(OWN, None).values()]).split()
    assert set(words) == {each.value for each in Operation}


RIGHT = memory.monmap()
NAMES = {'mon1': frozenset({'10.1.0.1'}), 'dead': frozenset({'10.9.9.9'})}
FIRST = '10.1.0.1:6789,10.0.0.2:6789'


@pytest.mark.parametrize('state, words, answering, expected', [
    (State.CURRENT, memory.NEW, '', False),
    (State.STALE, memory.OLD, None, True),
    (State.STALE, memory.OLD, memory.NEW, True),
    (State.DRIFTED, FIRST, None, False),
    (State.DRIFTED, FIRST, memory.NEW, False),
    (State.DRIFTED, FIRST, '10.1.0.1:6789', False),
    # Only others answer, or only its other port.
    (State.DRIFTED, FIRST, '10.1.0.2:6789,10.1.0.3:6789', True),
    (State.DRIFTED, FIRST, '10.1.0.1:3300', True),
    (State.DRIFTED, FIRST, '', True),
    # Without a port, librados tries both.
    (State.DRIFTED, '10.1.0.1', '10.1.0.1:3300', False),
    (State.DRIFTED, 'mon1:6789', '10.1.0.1:6789', False),
    (State.DRIFTED, 'mon1', '10.1.0.1:3300', False),
    (State.DRIFTED, 'mon1:6789', '10.1.0.2:6789', True),
    # An address that answers, but is another cluster's.
    (State.DRIFTED, FIRST + ',10.7.0.1:6789', '10.7.0.1:6789', True),
    (State.UNKNOWN_CLUSTER, memory.OLD, '', False),
    (State.UNREADABLE, memory.OLD, '', False),
])
def test_what_leads_nowhere(state, words, answering, expected):
    disk = RbdDisk('vda', VOLUME, None, None, memory.addrs(words), '')
    asked = None if answering is None else frozenset(memory.addrs(answering))
    assert impact.leads_nowhere(state, disk, RIGHT, NAMES,
                                asked) is expected


def test_without_a_cluster_a_drifted_disk_promises_nothing_new():
    disk = RbdDisk('vda', VOLUME, None, None, memory.addrs(FIRST), '')
    assert not impact.leads_nowhere(State.DRIFTED, disk, None, NAMES,
                                    frozenset())


def test_only_records_on_the_servers_host_count():
    left_behind = memory.record(memory.locator('managed-save', 1, 'cmp2'))
    there = [memory.record(memory.locator(store, number))
             for store, number in (('domain', 1), ('nova-bdm', 1),
                                   ('domain', 2))]
    assert impact.found_in([left_behind, *there],
                           memory.instances(1, 2, 3)) == {
        memory.uuid(1): {'domain', 'nova-bdm'}, memory.uuid(2): {'domain'}}
