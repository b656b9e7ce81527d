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

"""Which cluster a disk belongs to, and when its cluster is unknown."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.core import ownership
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.cluster import VolumeService
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind as Kind
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.record import Record
from tests.unit import memory

BACKEND = Backend('cinder', 'rbd', 'volumes', 'cinder', 'S')
FAR = dataclasses.replace(BACKEND, name='far')
OWN = Backend('nova', '', 'vms', 'cinder', 'S', host='cmp1')
NEW, OLD, OLDER, STATED, FOREIGN = (
    memory.addrs(f'10.{number}.0.1:6789,10.{number}.0.2:6789')
    for number in range(1, 6))
PLACEHOLDER = memory.addrs('0.0.0.0:0')


def cluster(name, current, former=(), stated=(), backends=(BACKEND,),
            source=Source.MON_DUMP):
    return Cluster(
        name, f'fsid-{name}', source,
        memory.monmap(','.join(map(str, current))), tuple(backends),
        tuple(FormerMonitor('a', (addr,), 1, 3, '2026-11-20T10:00:00Z')
              for addr in former), None, tuple(stated), (1, 7))


A = cluster('a', NEW, OLD + OLDER, STATED)


def disk(*addrs, image='volumes/v', user='cinder', secret='S', volume=None):
    return RbdDisk('vda', image, user, secret, tuple(addrs), '', volume)


def judged(clusters, seen, **fields) -> tuple[Cluster, Evidence]:
    known = ownership.Ownership(tuple(clusters), **fields)
    return known.of(Record(memory.locator('nova-bdm', 1), None), seen)


def of(clusters, seen, **fields):
    """Return the name of a disk's cluster, and the kind of evidence."""
    found, evidence = judged(clusters, seen, **fields)
    return found and found.name, evidence.kind


@pytest.mark.parametrize('addrs, expected', [
    (NEW, ('a', Kind.CURRENT_ADDRESS)),
    (NEW[:1], ('a', Kind.CURRENT_ADDRESS)),
    (NEW[:1] + OLD[:1], ('a', Kind.HISTORY)),
    (OLD, ('a', Kind.HISTORY)),
    (OLD[:1] + OLDER[:1], ('a', Kind.HISTORY)),
    (STATED, ('a', Kind.STATED)),
    (OLD + STATED[:1], ('a', Kind.STATED)),
    (FOREIGN, (None, Kind.NOT_FOUND)),
    # One strange address among many is enough.
    (NEW + OLD + FOREIGN[:1], (None, Kind.NOT_FOUND)),
    ((), (None, Kind.NO_ADDRESS)),
    (PLACEHOLDER, (None, Kind.NO_ADDRESS)),
    (NEW + PLACEHOLDER, ('a', Kind.CURRENT_ADDRESS)),
    # Both endpoints of a monitor count; another port does not.
    (memory.addrs('10.1.0.1:3300'), ('a', Kind.CURRENT_ADDRESS)),
    (memory.addrs('10.1.0.1'), ('a', Kind.CURRENT_ADDRESS)),
    (memory.addrs('10.1.0.1:6790'), (None, Kind.NOT_FOUND)),
    (memory.addrs('10.2.0.1'), ('a', Kind.HISTORY)),
])
def test_addresses_tell(addrs, expected):
    assert of([A], disk(*addrs)) == expected


def test_there_may_be_no_cluster():
    assert of([], disk(*NEW)) == (None, Kind.NOT_FOUND)
    assert 'no cluster' in judged([], disk(*NEW))[1].detail


@pytest.mark.parametrize('fields', [
    {'user': None, 'secret': None}, {'user': 'other'}, {'secret': 'X'},
    {'image': 'other/v'}])
@pytest.mark.parametrize('volume', ['v', None])
def test_names_do_not_tell(fields, volume):
    """They are neither for a cluster nor against it, only odd."""
    found, evidence = judged([A], disk(*OLD, volume=volume, **fields))
    assert (found, evidence.kind) == (A, Kind.HISTORY)
    # Only a volume can be compared with Cinder's backends.
    assert ('fit no backend of a.' in evidence.detail) is bool(volume)
    assert of([A], disk(*FOREIGN)) == (None, Kind.NOT_FOUND)


def test_a_disk_of_nova_is_odd_among_nova_s_backends():
    own = f'vms/{memory.uuid(1)}_disk'
    known = cluster('a', NEW, OLD, backends=[BACKEND, OWN])
    for seen, odd in ((disk(*OLD, image=own), False),
                      (disk(*OLD, image=own, secret='X'), True)):
        detail = judged([known], seen)[1].detail
        assert ('fit no backend' in detail) is odd
    assert 'fit no' not in judged([A], disk(*OLD, image=own))[1].detail


def test_what_an_operator_did_not_state_is_not_odd():
    plain = Backend('libvirt', '', None, None, 'S')
    known = cluster('a', NEW, OLD, backends=[plain])
    assert judged([known], disk(*NEW, user='x'))[1].detail == ''
    assert 'fit no' in judged([known], disk(*NEW, secret='T'))[1].detail


@pytest.mark.parametrize('names, expected', [
    ({'10.2.0.1'}, ('a', Kind.HISTORY)),
    ({'10.2.0.1', '10.2.0.2'}, ('a', Kind.HISTORY)),
    # One of its addresses could be another cluster's.
    ({'10.2.0.1', '10.5.0.1'}, (None, Kind.NOT_FOUND)),
    (set(), (None, Kind.NOT_FOUND)),
])
def test_a_name_is_what_it_resolves_to(names, expected):
    assert of([A], disk(*memory.addrs('mon-a:6789')),
              names={'mon-a': frozenset(names)}) == expected


def test_a_name_may_be_stated():
    [addr] = memory.addrs('mon-a:6789')
    known = dataclasses.replace(A, stated=(addr,))
    assert of([known], disk(addr)) == ('a', Kind.STATED)


def test_two_sites_with_the_same_names():
    """Section, pool, user and secret are the same; the addresses are not."""
    b = cluster('b', FOREIGN)
    assert of([A, b], disk(*OLD)) == ('a', Kind.HISTORY)
    assert of([A, b], disk(*FOREIGN)) == ('b', Kind.CURRENT_ADDRESS)
    assert of([A, b], disk(OLD[0], FOREIGN[0])) == (None, Kind.NOT_FOUND)


SERVED = VolumeService('ctl', 'rbd')
ELSEWHERE = VolumeService('ctl', 'far')


@pytest.mark.parametrize('service, secret, expected', [
    (SERVED, 'S', ('a', Kind.HISTORY)),
    (ELSEWHERE, 'S', ('b', Kind.CURRENT_ADDRESS)),
    # Service, user, secret and pool must all fit.
    (SERVED, 'T', (None, Kind.SEVERAL_CLUSTERS)),
    (VolumeService('ctl', 'lvm'), 'S', (None, Kind.SEVERAL_CLUSTERS)),
    (None, 'S', (None, Kind.SEVERAL_CLUSTERS)),
])
def test_the_config_decides_whose_a_handed_on_address_is(service, secret,
                                                         expected):
    b = cluster('b', OLD, backends=[FAR])
    assert of([A, b], disk(*OLD, secret=secret, volume='v'),
              volumes={'v': service}) == expected


def test_the_config_does_not_decide_between_equal_sections():
    alike = cluster('b', OLD)
    assert of([A, alike], disk(*OLD, volume='v'), volumes={'v': SERVED}) == (
        None, Kind.SEVERAL_CLUSTERS)
    assert of([A, alike], disk(*OLD, volume='v')) == (
        None, Kind.SEVERAL_CLUSTERS)


@pytest.mark.parametrize('host, expected', [
    ('cmp1', ('b', Kind.CURRENT_ADDRESS)),
    ('cmp1.example.org', ('b', Kind.CURRENT_ADDRESS)),
    (None, ('b', Kind.CURRENT_ADDRESS)),
    ('cmp2', (None, Kind.SEVERAL_CLUSTERS))])
def test_nova_s_config_is_a_hint_for_its_own_host_alone(host, expected):
    b = cluster('b', OLD, backends=[dataclasses.replace(OWN, host=host)])
    own = f'vms/{memory.uuid(1)}_disk'
    assert of([A, b], disk(*OLD, image=own)) == expected


@pytest.mark.parametrize('service, expected', [
    (SERVED, ('a', Kind.HISTORY)),
    (VolumeService('ctl2', 'rbd'), ('a', Kind.HISTORY)),
    (ELSEWHERE, (None, Kind.CONTRADICTION)),
    # No config describes this service.
    (VolumeService('ctl', 'lvm'), ('a', Kind.HISTORY)),
    (None, ('a', Kind.HISTORY)),
])
@pytest.mark.parametrize('named_by_disk', [True, False])
def test_the_config_can_contradict(service, expected, named_by_disk):
    known = ownership.Ownership((A, cluster('b', FOREIGN, backends=[FAR])),
                                {'v': service})
    found, evidence = known.of(
        Record(memory.locator('nova-bdm', 1), None,
               volume_id=None if named_by_disk else 'v'),
        disk(*OLD, volume='v' if named_by_disk else None))
    assert (found and found.name, evidence.kind) == expected


def test_the_host_belongs_to_the_section():
    """Two sites have a section of one name, each with its own host."""
    here = cluster('a', NEW, OLD, backends=[
        dataclasses.replace(BACKEND, host='ctl')])
    there = cluster('b', FOREIGN, backends=[
        dataclasses.replace(BACKEND, host='dcn1')])
    volumes = {'v': VolumeService('dcn1', 'rbd')}
    assert of([here, there], disk(*OLD, volume='v'), volumes=volumes) == (
        None, Kind.CONTRADICTION)
    # Several hosts of one cluster are normal.
    assert of([here], disk(*OLD, volume='v'), volumes=volumes) == (
        'a', Kind.HISTORY)


@pytest.mark.parametrize('addrs', [OLD, STATED, NEW[:1] + OLD[:1]])
def test_a_living_stranger_outweighs_all_evidence(addrs):
    found, evidence = judged([A], disk(*addrs),
                             greeting=frozenset(addrs[-1:]))
    assert (found, evidence.kind) == (None, Kind.LIVING_STRANGER)
    assert evidence.detail.startswith(f'{addrs[-1]} answers as')


def test_a_present_monitor_is_no_stranger():
    assert of([A], disk(*NEW), greeting=frozenset(NEW)) == (
        'a', Kind.CURRENT_ADDRESS)
    assert of([A], disk(*NEW, *OLD), greeting=frozenset(NEW)) == (
        'a', Kind.HISTORY)


@pytest.mark.parametrize('greeting', ['10.2.0.1:3300', '10.2.0.1:6789',
                                      '10.2.0.1'])
def test_a_stranger_may_greet_at_any_endpoint_of_the_monitor(greeting):
    """A document names one endpoint; the living monitor may have another."""
    both = memory.addrs('10.2.0.1:3300,10.2.0.1:6789')
    known = dataclasses.replace(A, former=(FormerMonitor('a', both, 1, 3),))
    assert of([known], disk(both[1]), greeting=frozenset(
        memory.addrs(greeting))) == (None, Kind.LIVING_STRANGER)
    owned = ownership.Ownership((known,))
    record = Record(memory.locator('nova-bdm', 1), None)
    assert set(owned.suspects(record, disk(both[1]))) == set(both)
    assert not list(owned.suspects(record, disk(*NEW)))
    assert not list(owned.suspects(record, disk(*FOREIGN)))


def test_a_monitor_that_lost_one_endpoint_is_no_stranger():
    """The first protocol was switched off; the monitor is still there."""
    second, first = memory.addrs('10.2.0.1:3300,10.2.0.1:6789')
    known = dataclasses.replace(
        A, monmap=MonMap((Monitor('a', second, (second,)),)),
        former=(FormerMonitor('a', (second, first), 1, 3),))
    found, evidence = judged([known], disk(first),
                             greeting=frozenset({second}))
    assert (found, evidence.kind) == (known, Kind.HISTORY)
    assert of([known], disk(first), greeting=frozenset({first})) == (
        None, Kind.LIVING_STRANGER)


@pytest.mark.parametrize('addrs', [NEW, OLD])
def test_a_claim_without_a_majority(addrs):
    claim = cluster('a', NEW, OLD, source=Source.CEPH_CONF)
    found, evidence = judged([claim], disk(*addrs),
                             unconfirmed=frozenset({'a'}))
    assert (found, evidence.kind) == (None, Kind.UNCONFIRMED_LIST)
    assert 'ceph.conf' in evidence.detail
    assert of([claim], disk(*addrs))[0] == 'a'


def test_details():
    assert judged([A], disk(*NEW))[1].detail == ''
    assert judged([A], disk(*OLD, *NEW[:1]))[1].detail == (
        '10.2.0.1:6789 was mon.a until 2026-11-20, 10.2.0.2:6789 was mon.a '
        'until 2026-11-20.')
    assert judged([A], disk(*STATED[:1]))[1].detail == (
        '10.4.0.1:6789 is stated to be a former monitor.')
    other = dataclasses.replace(A, name='b', former=(), span=None)
    _, evidence = judged([A, other], disk(*NEW, *FOREIGN[:1]))
    assert evidence.detail == (
        'No known cluster had a monitor at 10.5.0.1:6789. Searched: a '
        '(epochs 1 to 7), b (no history).')
    b = cluster('b', FOREIGN)
    _, evidence = judged([A, b], disk(OLD[0], FOREIGN[0]))
    assert evidence.detail == (
        'No cluster had all of these addresses; different clusters had some '
        'of them. Searched: a (epochs 1 to 7), b (epochs 1 to 7).')
    assert str(evidence) == f'not-found: {evidence.detail}'
    assert str(Evidence(Kind.STATED)) == 'stated'


ADDRS = st.lists(st.sampled_from(NEW + OLD + STATED + FOREIGN),
                 unique=True).map(tuple)


@given(ADDRS, ADDRS, ADDRS, ADDRS)
def test_no_disk_gets_the_monitors_of_a_cluster_without_its_addresses(
        seen, current, former, greeting):
    a = cluster('a', NEW[:1] + current, former)
    b = cluster('b', FOREIGN)
    found, evidence = judged([a, b], disk(*seen),
                             greeting=frozenset(greeting))
    if found is None:
        return
    had = {a.name: {*NEW[:1], *current, *former}, b.name: {*FOREIGN}}
    assert set(seen) <= had[found.name]
    replaced = set(seen) - set(found.monmap.addrs)
    assert not replaced & set(greeting)
    other = b if found is a else a
    assert not set(seen) <= had[other.name]


SEEN = st.builds(
    disk, *[st.sampled_from([*NEW, *OLD, *STATED, *FOREIGN])] * 2,
    image=st.sampled_from(['volumes/v', f'vms/{memory.uuid(1)}_disk']),
    secret=st.sampled_from(['S', 'T']),
    volume=st.sampled_from([None, 'here', 'far', 'unknown']))


@given(st.lists(SEEN, min_size=2, max_size=6))
def test_what_was_decided_before_decides_nothing(disks):
    """Decisions are remembered; each is what it would be alone."""
    clusters = (A, cluster('b', FOREIGN, OLD, backends=[FAR, OWN]))
    volumes = {'here': VolumeService('ctl', 'rbd'),
               'far': VolumeService('ctl', 'far'), 'unknown': None}
    known = ownership.Ownership(clusters, volumes)
    records = [Record(memory.locator('nova-bdm', server), None)
               for server in (1, 2)]
    assert [known.of(record, seen) for seen in disks for record in records
            ] == [ownership.Ownership(clusters, volumes).of(record, seen)
                  for seen in disks for record in records]
