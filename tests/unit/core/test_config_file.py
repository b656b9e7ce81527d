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

"""A ceph.conf that is judged like a copy."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import ownership
from rbd_mon_fix.core import planning
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import layout
from tests.unit import memory
from tests.unit.stores import ceph_conf_place

PATH = '/etc/ceph/ceph.conf'
BETA = '10.2.0.1:6789'
CLUSTERS = (memory.cluster('alpha'),
            memory.cluster('beta', BETA, former='10.8.0.1:6789'))
WAY = Way(PATH, None, 'nova')
FAILS = (Operation.START, Operation.HARD_REBOOT, Operation.RESCUE,
         Operation.SNAPSHOT)


def record(words):
    image = f'vms/{memory.uuid(1)}_disk'
    return dataclasses.replace(
        memory.record(memory.locator('ceph-conf', 1), ceph_conf_place.Domain(
            (RbdDisk('volume', image, 'nova', 'N', memory.addrs(words),
                     words),))),
        skip=SkipReason.CONFIG_FILE, path=PATH)


def judged(words, clusters=CLUSTERS, answering=None, **fields):
    """Return the copies of server 1, and no changes."""
    names = {'mon': frozenset({'10.1.0.1'})}
    plan = planning.plan([record(words)], planning.Knowledge(
        memory.instances(1, vm_state='active'),
        ownership.Ownership(clusters, names=names, **fields), names,
        answering=answering))
    assert plan.changes == ()
    return plan.copies


@pytest.mark.parametrize('words, state, cluster', [
    (memory.NEW, State.CURRENT, 'alpha'),
    # Its author chose which monitors to name, and how.
    ('10.1.0.2:6789', State.CURRENT, 'alpha'),
    ('10.1.0.1,10.1.0.2:3300', State.CURRENT, 'alpha'),
    ('mon', State.CURRENT, 'alpha'),
    (BETA, State.CURRENT, 'beta'),
    # One right address is enough, whatever stands next to it.
    ('10.0.0.1:6789,10.1.0.2:6789', State.DRIFTED, 'alpha'),
    ('192.0.2.9:6789,10.1.0.2:6789', State.DRIFTED, 'alpha'),
    (memory.OLD, State.STALE, 'alpha'),
    ('10.8.0.1:6789', State.STALE, 'beta'),
    ('192.0.2.9:6789', State.UNKNOWN_CLUSTER, None),
    # It leads to either.
    (f'{memory.NEW},{BETA}', State.UNKNOWN_CLUSTER, None),
    ('10.0.0.1:6789,10.8.0.1:6789', State.UNKNOWN_CLUSTER, None),
])
def test_states(words, state, cluster):
    [copy] = judged(words)
    assert (copy.state, copy.cluster) == (state, cluster)
    assert copy.breaks == (FAILS if state is State.STALE else ())
    assert copy.skip is (
        None if state is State.CURRENT else SkipReason.CONFIG_FILE)
    assert copy.amiss is (state is not State.CURRENT)
    assert not copy.due


def test_what_to_do_is_told():
    for words in (memory.OLD, '10.0.0.1:6789,10.1.0.2:6789'):
        [copy] = judged(words)
        assert copy.note.startswith(f'Correct mon_host in {PATH}, ')
        # A screen gives each cause two lines.
        told = f'{copy.skip.value}: {copy.note}'
        assert ' '.join(layout.wrapped(told, 76, 2)) == told
    assert judged(memory.NEW)[0].note == ''
    assert judged('192.0.2.9')[0].note.startswith(
        f'{PATH}: No known cluster had a monitor at 192.0.2.9.')


def test_a_drifted_file_needs_a_monitor_that_answers():
    for words, fails in (('10.1.0.1:6789', ()), ('10.1.0.3:6789', FAILS)):
        [copy] = judged('10.0.0.1:6789,10.1.0.1:6789',
                        answering=frozenset(memory.addrs(words)))
        assert (copy.state, copy.breaks) == (State.DRIFTED, fails)


def listed(source, **fields):
    return dataclasses.replace(CLUSTERS[0], source=source, **fields)


@pytest.mark.parametrize('words', [memory.NEW, memory.OLD])
def test_its_own_list_is_no_evidence(words):
    assert judged(words, [listed(Source.CEPH_CONF)]) == ()
    assert judged(words, [listed(Source.NONE)]) == ()
    # Of another cluster, nothing is to be learnt.
    [copy] = judged(words, [listed(Source.CEPH_CONF), CLUSTERS[1]])
    assert copy.state is State.UNKNOWN_CLUSTER


def test_without_an_fsid_the_stale_file_makes_a_cluster_of_its_own():
    claim = memory.cluster('claim', memory.OLD, former='')
    claim = dataclasses.replace(claim, source=Source.CEPH_CONF)
    [copy] = judged(memory.OLD, [claim, *CLUSTERS])
    assert (copy.state, copy.cluster) == (State.STALE, 'alpha')
    assert copy.evidence.kind is EvidenceKind.HISTORY


def test_a_monitors_file_must_be_confirmed():
    clusters = [listed(Source.MONITORS_FILE)]
    assert judged(memory.OLD, clusters)[0].state is State.STALE
    for words in (memory.NEW, memory.OLD):
        [copy] = judged(words, clusters, unconfirmed=frozenset({'alpha'}))
        assert copy.state is State.UNKNOWN_CLUSTER
        assert copy.evidence.kind is EvidenceKind.UNCONFIRMED_LIST


@pytest.mark.parametrize('way, state', [
    (WAY, State.DRIFTED), (Way('', None, 'nova'), State.DRIFTED),
    (Way('', 'ceph', 'nova'), State.DRIFTED),
    # Another section of the file, or another file, may name others.
    (Way(PATH, None, 'cinder'), State.STALE),
    (Way(PATH, None, None), State.STALE),
    (Way('/x.conf', None, 'nova'), State.STALE),
    (Way('', 'other', 'nova'), State.STALE), (None, State.STALE)])
def test_a_file_through_which_the_cluster_answered_works(way, state):
    clusters = [listed(Source.MON_DUMP, way=way), CLUSTERS[1]]
    [copy] = judged(memory.OLD, clusters, answering=frozenset())
    assert (copy.state, copy.cluster) == (state, 'alpha')
    assert bool(copy.breaks) is (state is State.STALE)
    if way == WAY:
        [copy] = judged('192.0.2.9:6789', clusters)
        assert (copy.state, copy.cluster) == (State.DRIFTED, 'alpha')
