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

"""Judging copies, and planning the corrections of the wrong ones."""

import dataclasses

import pytest

from rbd_mon_fix.core import ownership
from rbd_mon_fix.core import planning
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason
from tests.unit import memory

WHERE = memory.locator('nova-bdm', 1)
BACKEND = Backend('cinder', 'rbd', 'volumes', 'cinder', 'S')
NAMES = {'mon1': frozenset({'10.1.0.1'}), 'dead': frozenset({'10.9.9.9'})}
FAILS = (Operation.START, Operation.HARD_REBOOT, Operation.RESCUE)
FOREIGN = '192.0.2.1:6789'
PART = '10.0.0.1:6789,10.1.0.2:6789,10.0.0.3:6789'


def plan(*records, monitors=memory.NEW, unmanaged=False, **fields):
    """Plan for records of servers 1, 2 and 3 with these fields."""
    cluster = dataclasses.replace(
        memory.cluster('ceph', monitors, [BACKEND]), stated=memory.addrs(
            '10.1.0.4,10.9.9.9,unknown:6789,10.1.0.1:6790'))
    return planning.plan(records, planning.Knowledge(
        memory.instances(1, 2, 3, **fields),
        ownership.Ownership([cluster], names=NAMES), NAMES,
        unmanaged))


def one(words, **fields):
    """Return the one copy and the changes for a record with these fields."""
    found = plan(memory.record(WHERE, memory.sheet(words)), **fields)
    [copy] = found.copies
    return copy, found.changes


def test_nothing_comes_of_nothing():
    assert plan() == Plan((), ())
    assert plan(memory.record(WHERE, memory.sheet())) == Plan((), ())


@pytest.mark.parametrize('words, expected', [
    (memory.NEW, State.CURRENT),
    ('10.1.0.3:6789,10.1.0.2:6789,10.1.0.1:6789', State.CURRENT),
    (PART, State.DRIFTED),
    ('10.1.0.1:6789,10.1.0.2:6789', State.DRIFTED),
    (memory.NEW + ',10.1.0.4:6789', State.DRIFTED),
    ('10.1.0.1:3300,10.1.0.2:3300,10.1.0.3:3300', State.DRIFTED),
    ('10.1.0.1', State.DRIFTED),
    ('mon1:6789', State.DRIFTED),
    ('mon1', State.DRIFTED),
    ('dead:6789', State.STALE),
    ('unknown:6789', State.STALE),
    ('10.1.0.1:6790', State.STALE),
    (memory.OLD, State.STALE),
])
def test_states(words, expected):
    copy, changes = one(words)
    assert copy.state is expected
    assert copy.skip is None
    assert copy.cluster == 'ceph'
    assert copy.desired == memory.addrs(memory.NEW)
    assert (copy.breaks == FAILS) == (
        expected is State.STALE)
    assert [change.document.disks[0].monitors for change in changes] == (
        [] if expected is State.CURRENT else [memory.addrs(memory.NEW)])


def test_lists_of_unequal_length_are_put_right_though_current():
    right = memory.monmap()
    [disk] = memory.sheet(memory.NEW).disks
    assert planning.compare(disk, right, {}) is State.CURRENT
    ragged = dataclasses.replace(disk, ragged=True)
    assert planning.compare(ragged, right, {}) is State.DRIFTED


def test_an_image_below_an_overlay():
    """A start reads it as well; its key tells the place in the chain."""
    below = memory.Sheet(
        f'vda/backingStore volumes/volume-a cinder S {memory.OLD}')
    found = plan(memory.record(WHERE, below))
    [copy] = found.copies
    assert (copy.device, copy.state, copy.cluster) == (
        'vda/backingStore', State.STALE, 'ceph')
    assert copy.breaks == (Operation.START, Operation.HARD_REBOOT,
                           Operation.RESCUE)
    [change] = found.changes
    assert change.document.disks[0].monitors == memory.addrs(memory.NEW)


def test_the_addresses_of_a_running_guest():
    """They count only for the same image in the same place."""
    live = memory.Sheet(
        'vda volumes/volume-a cinder S 10.0.0.1:6789\n'
        'vdb volumes/another cinder S 10.0.0.2:6789\n'
        'vdc volumes/volume-c cinder S !none\n')
    words = [memory.OLD] * 4
    found = plan(memory.record(WHERE, memory.sheet(*words), live=live))
    assert [copy.live for copy in found.copies] == [
        memory.addrs('10.0.0.1:6789'), None, None, None]
    found = plan(memory.record(WHERE, memory.sheet(*words)))
    assert [copy.live for copy in found.copies] == [None] * 4


def test_a_disk_of_an_unknown_cluster_is_left_alone():
    copy, changes = one(FOREIGN)
    assert copy.state is State.UNKNOWN_CLUSTER
    assert copy.evidence.kind is EvidenceKind.NOT_FOUND
    assert copy.note == copy.evidence.detail != ''
    assert copy.skip is SkipReason.UNKNOWN_CLUSTER
    assert (copy.cluster, copy.desired, copy.breaks) == (None, (), ())
    assert changes == ()


def test_so_is_one_of_a_cluster_without_known_monitors():
    copy, changes = one(memory.OLD, monitors='')
    assert copy.state is State.UNKNOWN_CLUSTER
    assert copy.skip is SkipReason.UNKNOWN_CLUSTER
    assert (copy.cluster, copy.desired) == ('ceph', ())
    assert changes == ()


@pytest.mark.parametrize('fields, record, unmanaged, expected', [
    ({}, {}, False, None),
    ({'task_state': 'rebooting'}, {}, False, SkipReason.BUSY),
    ({'vm_state': 'building'}, {}, False, SkipReason.BUSY),
    ({'host': 'cmp2'}, {}, False, SkipReason.OTHER_HOST),
    ({'host': ''}, {}, False, SkipReason.OTHER_HOST),
    ({'host': 'cmp2'}, {}, True, SkipReason.OTHER_HOST),
    ({'managed': False}, {}, False, SkipReason.UNMANAGED),
    ({'managed': False}, {}, True, None),
    # Only libvirt knows the host of a guest unknown to Nova.
    ({'managed': False, 'host': 'cmp2'}, {}, False, SkipReason.UNMANAGED),
    ({'managed': False, 'host': 'cmp2'}, {}, True, None),
    ({}, {'skip': SkipReason.TRANSIENT}, False, SkipReason.TRANSIENT),
    # The most important reason comes first.
    ({'task_state': 'x'}, {'skip': SkipReason.TRANSIENT}, False,
     SkipReason.TRANSIENT),
    ({'task_state': 'x', 'host': 'cmp2'}, {}, False, SkipReason.OTHER_HOST),
    ({'managed': False}, {'skip': SkipReason.BLOCK_JOB}, False,
     SkipReason.UNMANAGED),
    ({'managed': False}, {'skip': SkipReason.BLOCK_JOB}, True,
     SkipReason.BLOCK_JOB),
])
def test_skips(fields, record, unmanaged, expected):
    for words in (memory.OLD, PART):
        made = memory.record(WHERE, memory.sheet(words), **record)
        found = plan(made, unmanaged=unmanaged, **fields)
        [copy] = found.copies
        assert copy.skip is expected
        assert len(found.changes) == (expected is None)


def test_what_is_right_needs_no_reason_for_leaving_it():
    made = memory.record(WHERE, memory.sheet(memory.NEW),
                         skip=SkipReason.TRANSIENT)
    found = plan(made, task_state='rebooting', host='cmp2')
    assert found.copies[0].skip is None
    assert found.changes == ()


def test_an_unknown_cluster_weighs_more_than_a_busy_server():
    copy, _ = one(FOREIGN, task_state='rebooting')
    assert copy.skip is SkipReason.UNKNOWN_CLUSTER


def test_no_server_starts_from_what_it_left_on_another_host():
    copy, _ = one(memory.OLD, host='cmp2')
    assert (copy.state, copy.breaks) == (State.STALE, ())
    copy, _ = one(memory.OLD, task_state='rebooting')
    assert copy.breaks == FAILS


def known(**fields):
    return planning.Knowledge(
        memory.instances(1, vm_state=fields.pop('vm_state')),
        ownership.Ownership([memory.cluster()]), {}, **fields)


def breaks(store, text, known):
    found = planning.plan([memory.record(
        memory.locator(store, 1), memory.Sheet(text))], known)
    return [tuple(each.value for each in copy.breaks)
            for copy in found.copies]


VOLUME = f'vdb volumes/volume-b cinder S {memory.OLD}'
ROOT = f'vda vms/{memory.uuid(1)}_disk cinder S {memory.OLD}'
CONFIG = f'vdz vms/{memory.uuid(1)}_disk.config cinder S {memory.OLD}'


@pytest.mark.parametrize('stores, expected', [
    ({}, ('hard-reboot', 'resume')),
    ({memory.uuid(2): frozenset({'domain'})}, ('hard-reboot', 'resume')),
    ({memory.uuid(1): frozenset({'domain'})}, ('hard-reboot',)),
    ({memory.uuid(1): frozenset({'managed-save'})}, ('hard-reboot',))])
def test_what_a_server_has_decides_what_it_resumes_from(stores, expected):
    assert breaks('nova-bdm', VOLUME, known(
        vm_state='suspended', stores=stores)) == [expected]


@pytest.mark.parametrize('text, expected', [
    (f'{ROOT}\n{VOLUME}', [('suspend', 'snapshot', 'live-migrate'),
                           ('suspend', 'snapshot')]),
    (f'{VOLUME}\n{CONFIG}', [('suspend',), ('suspend', 'live-migrate')])])
def test_the_root_disk_decides_how_a_snapshot_is_made(text, expected):
    assert breaks('live-domain', text, known(vm_state='active')) == expected


@pytest.mark.parametrize('nova, expected', [
    ({}, ('suspend', 'live-migrate')),
    ({'cmp2': 73}, ('suspend', 'live-migrate')),
    ({memory.HOST: 72}, ('suspend', 'live-migrate')),
    ({memory.HOST: 73}, ('suspend',))])
def test_the_release_of_the_host_counts(nova, expected):
    assert breaks('live-domain', CONFIG, known(
        vm_state='active', nova=nova)) == [expected]


@pytest.mark.parametrize('answering, expected', [
    (None, ()), ('10.1.0.1:6789', ()), ('10.1.0.2:6789', ('start',)),
    ('', ('start',))])
def test_a_drifted_copy_needs_an_address_that_answers(answering, expected):
    asked = None if answering is None else frozenset(memory.addrs(answering))
    text = 'vdb volumes/volume-b cinder S 10.1.0.1:6789,10.0.0.2:6789'
    assert breaks('nova-bdm', text, known(
        vm_state='rescued', answering=asked)) == [expected]


def test_a_record_that_cannot_be_read():
    record = Record(WHERE, None, unreadable='it is no JSON', disk='vdb')
    found = plan(record)
    [copy] = found.copies
    assert copy.state is State.UNREADABLE
    assert copy.skip is SkipReason.UNREADABLE
    assert (copy.device, copy.note) == ('vdb', 'it is no JSON')
    assert found.changes == ()


def test_of_a_document_only_what_is_wrong_is_changed():
    text = '\n'.join([
        '# keyring = AQB==',
        f'vda volumes/a cinder S {memory.NEW}',
        f'vdb volumes/b cinder S {memory.OLD}',
        f'vdc volumes/c cinder S {FOREIGN}',
        'vdd volumes/d cinder S !no-hosts',
        f'vde volumes/e cinder S {PART}'])
    found = plan(memory.record(WHERE, memory.Sheet(text)))
    assert [(copy.device, copy.state, copy.skip) for copy in found.copies
            ] == [
        ('vda', State.CURRENT, None), ('vdb', State.STALE, None),
        ('vdc', State.UNKNOWN_CLUSTER, SkipReason.UNKNOWN_CLUSTER),
        ('vde', State.DRIFTED, None),
        ('vdd', State.UNREADABLE, SkipReason.UNREADABLE)]
    assert found.copies[-1].note == 'no-hosts'
    [change] = found.changes
    assert change.document.text == text.replace(
        f'vdb volumes/b cinder S {memory.OLD}',
        f'vdb volumes/b cinder S {memory.NEW}').replace(PART, memory.NEW)
    assert [(edit.disk, edit.image, edit.cluster) for edit in change.edits
            ] == [('vdb', 'volumes/b', 'ceph'), ('vde', 'volumes/e', 'ceph')]
    assert [(edit.old_verbatim, edit.new_verbatim) for edit in change.edits
            ] == [(memory.OLD, memory.NEW), (PART, memory.NEW)]
    assert [(edit.old, edit.new) for edit in change.edits] == [
        (memory.addrs(old), memory.addrs(memory.NEW))
        for old in (memory.OLD, PART)]
    assert [edit.evidence for edit in change.edits] == [
        str(copy.evidence) for copy in found.copies[1:4:2]]
    assert change.edits[0].evidence.startswith(
        'history: 10.0.0.1:6789 was mon.a until 2026-11-20, ')


def test_what_is_planned_is_right_once_it_is_done():
    found = plan(memory.record(WHERE, memory.sheet(memory.OLD, PART)))
    done = [dataclasses.replace(change.record, document=change.document)
            for change in found.changes]
    assert len(done) == 1
    assert plan(*done).changes == ()


@pytest.mark.parametrize('key, disk, expected', [
    ('vda', None, 'vda'), ('vda', 'vdb', 'vdb'), ('volume', None, None),
    ('volume', 'vdb', 'vdb'),
])
def test_device(key, disk, expected):
    document = memory.Sheet(f'{key} volumes/a cinder S {memory.OLD}')
    found = plan(memory.record(WHERE, document, disk=disk))
    assert found.copies[0].device == expected


def test_the_plan_is_in_the_order_of_the_records():
    places = [memory.locator(store, server) for store, server in (
        ('nova-bdm', 2), ('domain', 1), ('nova-bdm', 3), ('domain', 2))]
    found = plan(*map(memory.record, places))
    assert [copy.locator for copy in found.copies] == places
    assert [change.locator for change in found.changes] == places
    assert plan(*map(memory.record, places)) == found
