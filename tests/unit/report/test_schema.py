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

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import schema
from tests.unit.report import sample

SERVER = sample.instance(1)
STALE = sample.copy(SERVER, state=State.STALE)
BUSY = sample.copy(SERVER, state=State.STALE, skip=SkipReason.BUSY)
CURRENT = sample.copy(SERVER)
RAGGED = sample.copy(SERVER, state=State.DRIFTED, monitors=sample.NEW)
REORDERED = sample.copy(SERVER, monitors=sample.NEW[::-1])
LOST = sample.unreadable(1)[0]


@pytest.mark.parametrize('copy, due', [
    (CURRENT, False), (REORDERED, False), (LOST, False), (BUSY, False),
    (STALE, True), (RAGGED, True)])
def test_only_what_is_due_has_an_outcome(copy, due):
    outcome = Outcome(copy.locator, Verdict.FIXED)

    assert copy.due is due
    assert outcome_of(copy, None) is None
    assert outcome_of(copy, {}) is None
    assert outcome_of(copy, {copy.locator: outcome}) == (
        outcome if due else None)


@pytest.mark.parametrize('note, reason, told', [
    ('', '', None),
    ('It is ragged.', '', 'It is ragged.'),
    ('It is ragged.', 'It went away.', 'It went away.')])
def test_reason_is_that_of_the_outcome_else_the_note(note, reason, told):
    copy = sample.copy(SERVER, state=State.STALE, note=note)
    outcomes = sample.outcomes([copy], Verdict.FAILED, reason)

    row, = schema.rows(schema.Kind.REFRESH, [copy], outcomes)

    assert (row['reason'], row['outcome']) == (told, 'failed')


@pytest.mark.parametrize('kind', schema.Kind)
def test_a_record_has_the_columns_in_their_order(kind):
    row, = schema.rows(kind, [STALE], None)

    assert tuple(row) == schema.columns(kind)


@pytest.mark.parametrize('kind, expected', [
    (schema.Kind.STATUS, False), (schema.Kind.DRY_RUN, True),
    (schema.Kind.REFRESH, True), (schema.Kind.ROLLBACK, True)])
def test_only_commands_that_write_have_outcomes(kind, expected):
    assert ('outcome' in schema.columns(kind)) is expected


def test_a_cluster():
    shown = Cluster('ceph', 'f51d', Source.MON_DUMP, sample.CLUSTER.monmap, (
        Backend('cinder', 'ssd', 'volumes', 'cinder', 'S', 'ctl'),
        Backend('libvirt', '', None, None, None)),
        stated=(MonAddr('10.0.0.1', None),), span=(3, 7))

    assert schema.cluster(shown, frozenset({
            MonAddr('10.1.0.1', 3300), MonAddr('192.0.2.1', 3300)})) == {
        'name': 'ceph', 'fsid': 'f51d', 'source': 'mon-dump',
        'monitors': ['10.1.0.1:6789', '[fd01::1]:6789'],
        'addresses': [['10.1.0.1:3300', '10.1.0.1:6789'],
                      ['[fd01::1]:3300', '[fd01::1]:6789']],
        'answering': ['10.1.0.1:3300'], 'written': None,
        'first_source': None, 'epochs': [3, 7], 'stated': ['10.0.0.1'],
        'former': [],
        'backends': [
            {'owner': 'cinder', 'name': 'ssd', 'pool': 'volumes',
             'user': 'cinder', 'secret_uuid': 'S', 'host': 'ctl'},
            {'owner': 'libvirt', 'name': '', 'pool': None, 'user': None,
             'secret_uuid': None, 'host': None}]}


@pytest.mark.parametrize('answering, expected', [
    (None, None), (frozenset(), [])])
def test_a_cluster_nobody_asked_differs_from_a_silent_one(answering,
                                                          expected):
    shown = Cluster('lost', None, Source.NONE, MonMap(()), ())

    assert schema.cluster(shown, answering) == {
        'name': 'lost', 'fsid': None, 'source': 'none', 'monitors': [],
        'addresses': [], 'answering': expected, 'written': None,
        'first_source': None, 'epochs': None, 'stated': [], 'former': [],
        'backends': []}


@pytest.mark.parametrize('greeted, answers', [
    (None, None), ([], False), (['10.0.0.1'], True)])
def test_the_former_monitors_of_a_cluster(greeted, answers):
    addr = MonAddr('10.0.0.1', 6789)
    shown = Cluster(
        'ceph', None, Source.NONE, MonMap(()), (), (
            FormerMonitor('a', (addr,), 1, 3, '2026-11-20T01:02:03Z'),),
        greeted=None if greeted is None
        else frozenset(MonAddr(host, 6789) for host in greeted),
        written='2026-11-26T00:00:00+00:00')

    found = schema.cluster(shown, frozenset())
    assert found['written'] == '2026-11-26T00:00:00+00:00'
    assert found['former'] == [{
        'name': 'a', 'addresses': ['10.0.0.1:6789'], 'epochs': [1, 3],
        'until': '2026-11-20T01:02:03Z', 'answers': answers}]


@pytest.mark.parametrize('evidence, expected', [
    (None, None),
    (Evidence(EvidenceKind.CURRENT_ADDRESS),
     {'kind': 'current-address', 'detail': None}),
    (Evidence(EvidenceKind.NOT_FOUND, 'Searched: ceph.'),
     {'kind': 'not-found', 'detail': 'Searched: ceph.'})])
def test_evidence(evidence, expected):
    copy = dataclasses.replace(STALE, evidence=evidence)
    row, = schema.rows(schema.Kind.STATUS, [copy], None)
    assert row['evidence'] == expected


def test_a_finding():
    assert schema.finding(sample.FINDING) == {
        'kind': 'storage-pool', 'host': 'cmp1',
        'subject': 'storage pool vms',
        'monitors': ['10.0.0.1:6789', '[fd00::1]:6789'],
        'desired': ['10.1.0.1:6789', '[fd01::1]:6789'],
        'advice': 'Correct the hosts with "virsh pool-edit".'}


def test_the_summary():
    servers = [sample.current(1), sample.stale(2), sample.stale(3),
               sample.busy(4), sample.unreadable(5)]
    done = {**sample.outcomes(servers[1]),
            **sample.outcomes(servers[2], Verdict.CONFLICT)}

    assert schema.summary(
            sample.summary(servers, done, findings=2),
            {'cmp2': exceptions.Unreachable('No answer.', 'Wait.')}) == {
        'servers': 5,
        'would_not_start': 3,
        'broken': 3,
        'not_judged': 1,
        'still_would_not_start': 2,
        'still_broken': 2,
        'records': 11,
        'due': 4,
        'states': {'current': 5, 'drifted': 0, 'stale': 5,
                   'unknown-cluster': 0, 'unreadable': 1},
        'skipped': {'busy': 1, 'unreadable': 1},
        'hosts': {
            'cmp1': {'reached': True, 'reason': None, 'servers': 5,
                     'would_not_come_back': 2, 'not_judged': 1},
            'cmp2': {'reached': False, 'reason': 'No answer.', 'servers': 0,
                     'would_not_come_back': 0, 'not_judged': 0}},
        'stranded': [],
        'shielded': 0,
        'findings': 2,
        'breaks': {'start': 3, 'hard-reboot': 3, 'soft-reboot': 2,
                   'resume': 0, 'unrescue': 0, 'rescue': 0, 'suspend': 0,
                   'snapshot': 0, 'live-migrate': 0, 'migrate': 0,
                   'revert': 0},
        'outcomes': {'fixed': 2, 'conflict': 2, 'failed': 0,
                     'unverified': 0},
    }
