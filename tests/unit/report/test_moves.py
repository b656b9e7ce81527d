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

"""Moves of monitors, each told once."""

import dataclasses

import pytest

from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.report import moves
from tests.unit.report import reports
from tests.unit.report import sample


def drawn(found, most=2, width=80):
    return [''.join(text for text, _ in line)
            for line in found.drawn(width, most)]


def begun(clusters=(reports.CLUSTER,), answering=frozenset(reports.NEW)):
    found = moves.Moves()
    found.begin(clusters, answering)
    return found


def test_a_move_is_told_once_with_its_counts():
    found = begun()
    found.add(reports.stale(1))
    found.add(reports.stale(2))

    assert drawn(found) == [
        '  ceph-6d0fd8d5: 12 copies, 2 servers',
        '    - 192.0.2.{11,12,13}:6789  mon.{a,b,c} until 2026-11-20',
        '    + 192.0.2.{21,22,23}:6789  from mon-dump, all answer']


def test_one_copy():
    found = begun()
    found.add(reports.stale(1)[:1])

    assert drawn(found)[0] == '  ceph-6d0fd8d5: 1 copy, 1 server'


def test_lists_of_a_cluster_share_the_right_one():
    found = begun()
    for number in range(1, 5):
        for _ in range(number):
            found.add([reports.copy(1, 'domain', monitors=reports.addresses(
                '198.51.100', [number]))])

    assert drawn(found) == [
        '  ceph-6d0fd8d5: 10 copies, 10 servers',
        '    - 198.51.100.4:6789  4 copies',
        '    - 198.51.100.3:6789  3 copies',
        '    - 2 other lists in 3 copies (-v)',
        '    + 192.0.2.{21,22,23}:6789  from mon-dump, all answer']


def test_whose_a_list_was_is_told_with_its_count():
    found = begun()
    found.add(reports.stale(1))
    found.add([reports.copy(1, 'domain', monitors=reports.OLD[:1])])

    assert drawn(found)[1:3] == [
        '    - 192.0.2.{11,12,13}:6789  6 copies; mon.{a,b,c} until '
        '2026-11-20',
        '    - 192.0.2.11:6789  1 copy; mon.a until 2026-11-20']


def test_a_rollback_tells_whose_the_restored_addresses_were():
    found = begun()
    found.add([dataclasses.replace(
        reports.copy(1, 'domain', monitors=reports.NEW), desired=reports.OLD,
        restore=True)])

    assert drawn(found)[1:] == [
        '    - 192.0.2.{21,22,23}:6789',
        '    + 192.0.2.{11,12,13}:6789  mon.{a,b,c} until 2026-11-20']


def test_rare_clusters_are_only_counted():
    found = begun()
    for number in range(4):
        found.add([reports.copy(1, 'domain', cluster=f'c{number}')
                   for _ in range(9 - number)])

    lines = drawn(found)
    assert [line for line in lines if line.startswith('  c')] == [
        '  c0: 9 copies, 1 server', '  c1: 8 copies, 1 server']
    assert lines[-1] == '  and 2 other clusters with 13 copies (-v)'


@pytest.mark.parametrize('answering, words', [
    (None, 'not asked'), ((), 'no answer'),
    (reports.NEW[:1], '1 of 3 answer'), (reports.NEW, 'all answer')])
def test_who_answers(answering, words):
    found = begun(answering=None if answering is None
                  else frozenset(answering))

    assert drawn(found) == [
        '  ceph-6d0fd8d5',
        f'      192.0.2.{{21,22,23}}:6789  from mon-dump, {words}']


def test_a_cluster_without_monitors_says_so():
    cluster = dataclasses.replace(reports.CLUSTER, monmap=MonMap(()),
                                  source=Source.NONE)

    assert drawn(begun([cluster])) == [
        '  ceph-6d0fd8d5', '      no address  monitors unknown']


def test_many_clusters_are_counted():
    clusters = [dataclasses.replace(reports.CLUSTER, name=f'c{number}')
                for number in range(5)]

    assert drawn(begun(clusters))[-1] == (
        '  and 3 other clusters: rbd-mon-fix monitors')


@pytest.mark.parametrize('fields, words', [
    ({'former': ()}, ''),
    ({'former': (), 'stated': reports.OLD}, 'stated to be former monitors'),
    ({'former': (FormerMonitor('', reports.OLD, 1, 2),)}, 'former monitors'),
    ({'former': (FormerMonitor('a', reports.OLD[:1], 1, 2, '2026-01-02T'),
                 FormerMonitor('b', reports.OLD[1:2], 1, 2, '2026-03-04T'))},
     'mon.a until 2026-01-02; mon.b until 2026-03-04')])
def test_whose_addresses_they_were(fields, words):
    cluster = dataclasses.replace(reports.CLUSTER, **fields)

    assert moves.whose(cluster, reports.OLD)[0] == words
    assert moves.whose(None, reports.OLD)[0] == ''


def test_the_latest_owner_of_an_address_counts():
    cluster = dataclasses.replace(reports.CLUSTER, former=(
        FormerMonitor('late', reports.OLD[:1], 5, 6, '2026-11-20'),
        FormerMonitor('early', reports.OLD[:1], 1, 2, '2020-01-01')))

    assert moves.whose(cluster, reports.OLD[:1])[0] == (
        'mon.late until 2026-11-20')


def test_a_long_list_is_broken_between_addresses():
    old = tuple(MonAddr(f'mon{number}.of-site-{number}.example.org', port)
                for number in range(4) for port in (6789, 6790))
    found = begun()
    found.add([reports.copy(1, 'domain', monitors=old)])
    lines = drawn(found)

    assert max(map(len, lines)) <= 80
    listed = ' '.join(line.strip('-+ ') for line in lines[1:-1])
    assert listed.split()[:8] == list(map(str, old))


def test_copies_without_a_cluster_have_no_move():
    found = begun()
    found.add([sample.copy(sample.instance(1), state=State.UNKNOWN_CLUSTER,
                           cluster=None, desired=())])

    assert drawn(found) == drawn(begun())
