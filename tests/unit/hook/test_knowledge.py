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
import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import RunSummary
from tests.unit.hook import hosts

NEW = hosts.addresses('10.0.0.1:6789', '10.0.0.2:6789')
OLD = hosts.addresses('10.9.0.1:6789')
STATED = hosts.addresses('10.8.0.1:6790', 'mon')


def cluster(**fields):
    return dataclasses.replace(Cluster(
        'a', 'f', Source.MON_DUMP, MonMap(tuple(
            Monitor('', addr, (*hosts.addresses(f'{addr.host}:3300'), addr))
            for addr in NEW)), ()), **fields)


def former(*texts):
    return FormerMonitor('x', hosts.addresses(*texts), 1, 2)


def spelled(known):
    return sorted(map(str, known.addresses))


PRESENT = ['10.0.0.1', '10.0.0.1:3300', '10.0.0.1:6789',
           '10.0.0.2', '10.0.0.2:3300', '10.0.0.2:6789']


@pytest.mark.parametrize('fields, more', [
    ({}, []),
    ({'former': (former('10.9.0.1:3300', '10.9.0.1:6789'),)},
     ['10.9.0.1', '10.9.0.1:3300', '10.9.0.1:6789']),
    # The default ports are those that a document means without a port.
    ({'former': (former('10.9.0.1:6790'),)}, ['10.9.0.1:6790']),
    ({'stated': hosts.addresses('mon', '[fd00::1]:6789')},
     ['[fd00::1]', '[fd00::1]:6789', 'mon', 'mon:3300', 'mon:6789']),
    ({'former': (former('0.0.0.0:0'),)}, []),
    # An address that is somebody's monitor now is left out.
    ({'former': (former('10.9.0.1:3300', '10.9.0.1:6789'),),
      'greeted': frozenset(OLD)}, ['10.9.0.1:3300']),
    ({'stated': hosts.addresses('mon'),
      'greeted': frozenset(hosts.addresses('mon'))}, []),
    ({'former': (former('10.9.0.1:6789', '10.7.0.1:6789'),),
      'greeted': frozenset(hosts.addresses('10.7.0.1:6789'))},
     ['10.9.0.1', '10.9.0.1:6789'])])
def test_the_addresses_of_a_cluster(fields, more):
    known, = knowledge.learn([cluster(**fields)], [], [])
    assert (known.name, known.fsid, known.monitors) == ('a', 'f', NEW)
    assert spelled(known) == sorted(PRESENT + more)


@pytest.mark.parametrize('before', [
    knowledge.Known('a', 'f', OLD, frozenset(OLD)),
    knowledge.Known('renamed', 'f', (), frozenset(OLD)),
    knowledge.Known('a', None, (), frozenset(OLD))])
def test_nothing_is_carried_over_for_a_reliable_cluster(before):
    known, = knowledge.learn([cluster()], [], [before])
    assert (known.monitors, spelled(known)) == (NEW, PRESENT)


def test_a_cluster_that_the_config_no_longer_names():
    """A cluster of the same name is another one."""
    before = knowledge.Known('a', 'other', OLD, frozenset(OLD))
    known, gone = knowledge.learn([cluster()], [], [before])
    assert spelled(known) == PRESENT
    assert gone == dataclasses.replace(before, monitors=())


@pytest.mark.parametrize('fsid, before, more', [
    ('f', [], []), (None, [], []),
    ('f', [knowledge.Known('a', 'f', OLD, frozenset(OLD))],
     ['10.9.0.1:6789'])])
def test_a_doubtful_cluster(fsid, before, more):
    """It only keeps its addresses from being taken for another cluster's."""
    claim = cluster(source=Source.CEPH_CONF, fsid=fsid,
                    greeted=frozenset(NEW))
    known, = knowledge.learn([], [claim], before)
    assert (known.name, known.fsid, known.monitors) == ('a', fsid, ())
    assert spelled(known) == sorted(PRESENT + more)
    assert knowledge.learn([], [claim], [known]) == (known,)


def test_a_cluster_that_is_reliable_again():
    old = knowledge.Known('b', 'g', (), frozenset(STATED))
    doubted = knowledge.learn([], [cluster(fsid=None)], [old])
    assert [each.fsid for each in doubted] == [None, 'g']
    known, gone = knowledge.learn([cluster()], [], doubted)
    assert (known.fsid, known.monitors, gone) == ('f', NEW, old)


@pytest.mark.parametrize('change, alike', [
    ({}, True), ({'name': 'renamed'}, True),
    ({'monitors': hosts.RIGHT[::-1]}, True), ({'fsid': 'f-c'}, False),
    ({'monitors': hosts.RIGHT[:2]}, False), ({'monitors': ()}, False),
    ({'addresses': frozenset(hosts.RIGHT)}, False)])
def test_knowledge_that_is_alike(change, alike):
    known = dataclasses.replace(hosts.A, **change)
    assert knowledge.alike([hosts.A, hosts.B], [hosts.B, known]) is alike


def test_knowledge_of_more_or_fewer_clusters():
    assert not knowledge.alike([hosts.A], [hosts.A, hosts.B])
    assert not knowledge.alike([hosts.A, hosts.B], [hosts.B])


def test_dumps_and_loads():
    known = (hosts.A, hosts.B, knowledge.Known('c', None))
    content = knowledge.dumps(known, 'then')
    assert knowledge.loads(content) == (known, 'then')


def test_the_format():
    """The script of the hook reads this; it stays as long as VERSION."""
    known = knowledge.Known('a', 'f', NEW, frozenset(NEW + OLD))
    assert json.loads(knowledge.dumps([known], 'then')) == {
        'version': 2, 'written': 'then', 'clusters': [{
            'name': 'a', 'fsid': 'f',
            'monitors': ['10.0.0.1:6789', '10.0.0.2:6789'],
            'known': ['10.0.0.1:6789', '10.0.0.2:6789', '10.9.0.1:6789']}]}


@pytest.mark.parametrize('content, outdated', [
    (hosts.VERSION_1, True), (b'{"version": 1}', True),
    (b'{"version": 3}', False), (b'{"version": "1"}', False),
    (b'{"version": []}', False), (b'{"version": null}', False),
    (b'', False), (b'\xff', False), (b'[]', False), (b'{}', False),
    (b'{"version": 2}', False), (b'[' * 100_000, False),
    (b'{"version": 2, "written": "", "clusters": [{}]}', False),
    (b'{"version": 2, "written": "", "clusters": [{"name": "a", '
     b'"fsid": null, "monitors": ["?"], "known": []}]}', False)])
def test_unreadable(content, outdated):
    with pytest.raises(exceptions.Unreadable) as caught:
        knowledge.loads(content)
    assert isinstance(caught.value, knowledge.Outdated) is outdated


def run(name, replaced, undoes=None, finished=True, **outcomes):
    return RunSummary(
        name, 'refresh', (), '', undoes,
        {Verdict(verdict): count for verdict, count in outcomes.items()},
        finished, replaced={fsid: frozenset(hosts.addresses(text))
                            for fsid, text in replaced.items()})


FIRST = run('1', {'f': '10.1.0.1:6789'}, fixed=1)


@pytest.mark.parametrize('runs, found', [
    ([], {}),
    ([FIRST], {'f': ['10.1.0.1:6789']}),
    ([FIRST, run('2', {'f': '10.1.0.2:6789', 'g': '10.1.0.3:6789'},
                 finished=False)],
     {'f': ['10.1.0.1:6789', '10.1.0.2:6789'], 'g': ['10.1.0.3:6789']}),
    # A rollback replaces what is right.
    ([FIRST, run('2', {'f': '10.0.0.1:6789'}, undoes='1', fixed=1)], {}),
    ([FIRST, run('2', {'f': '10.0.0.1:6789'}, undoes='0', fixed=1)],
     {'f': ['10.1.0.1:6789']}),
    # Some of it, or nobody knows.
    ([FIRST, run('2', {}, undoes='1', fixed=1, conflict=1)],
     {'f': ['10.1.0.1:6789']}),
    ([FIRST, run('2', {}, undoes='1', finished=False, fixed=1)],
     {'f': ['10.1.0.1:6789']}),
    ([FIRST, run('2', {}, undoes='1')], {'f': ['10.1.0.1:6789']}),
])
def test_what_runs_replaced(runs, found):
    assert {fsid: sorted(map(str, addrs)) for fsid, addrs
            in knowledge.replaced(runs).items()} == found
