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

"""The screen of ``monitors``."""

from __future__ import annotations

import dataclasses
import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model import cluster as cluster_model
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.report import monitors_screen
from rbd_mon_fix.report import view as views
from tests.unit.report import drawn

VIEW = views.View(shared=('--config-file', '/etc/second.conf'))
BACKENDS = (Backend('cinder', 'rbd-a', 'volumes', 'cinder', None),
            Backend('nova', '', 'vms', 'nova', None))
FSID = '6d0fd8d5-1f9d-4a4c-9c0e-6d1c3f4b8a11'


def addrs(*numbers, net='192.0.2.{}'):
    return tuple(tuple(MonAddr(net.format(number), port)
                       for port in (3300, 6789)) for number in numbers)


def monmap(*endpoints):
    return MonMap(tuple(Monitor('', each[1], each) for each in endpoints))


NEW, OLD, OLDER = addrs(21, 22, 23), addrs(11, 12, 13), addrs(1, 2)
IPV6 = addrs(*'123', net='2001:db8:1234:5678:9abc:def0:{}:1')
FORMER = tuple(
    FormerMonitor(name, each, first, last, until)
    for group, first, last, until in (
        (OLD, 5, 9, '2026-03-01T02:00:00Z'), (OLDER, 1, 4, ''))
    for name, each in zip('abc', group))
SURE = Cluster('ceph-6d0fd8d5', FSID, Source.MON_DUMP, monmap(*NEW), BACKENDS,
               FORMER, frozenset())
ALL = frozenset(sum(NEW, ()))


def drawing(*clusters, answering=ALL):
    return functools.partial(monitors_screen.screen, clusters, answering,
                             VIEW)


def but(**fields):
    return dataclasses.replace(SURE, **fields)


CLAIM = but(name='far', source=Source.MONITORS_FILE, fsid=None, former=(),
            monmap=monmap(*IPV6), written='2026-11-20T00:00:00+00:00',
            first_source='mon-dump', backends=BACKENDS[:1])
UNKNOWN = but(name='a-backend-without-any-ceph-conf', source=Source.NONE,
              monmap=MonMap(()), fsid=None, former=(), backends=BACKENDS[1:])
SAMPLES = {
    'monitors': drawing(SURE),
    'monitors-claim': drawing(SURE, CLAIM, answering=None),
    'monitors-not-certain': drawing(
        but(greeted=frozenset(OLD[0]), stated=(MonAddr('192.0.2.99', 6789),)),
        CLAIM, UNKNOWN, answering=ALL - frozenset(NEW[1])),
    'monitors-none': drawing()}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)


@pytest.mark.parametrize('cluster, answering, words', [
    (SURE, ALL, ''), (SURE, None, ''), (SURE, frozenset(NEW[0]), ''),
    (SURE, frozenset(), 'None of the monitors of ceph-6d0fd8d5 answers.'),
    (CLAIM, None, 'The monitors of far come from monitors-file (mon-dump), '
     'written 2026-11-20T00:00:00+00:00, not from the cluster itself.'),
    (but(monmap=MonMap(())), ALL,
     'The monitors of ceph-6d0fd8d5 are unknown.')])
def test_doubt(cluster, answering, words):
    assert cluster_model.doubt(cluster, answering) == words


def ends(*clusters, **fields):
    first, *_, last = drawn.to_pipe(drawing(*clusters, **fields),
                                    200).splitlines()
    return first, last


STATUS = 'rbd-mon-fix --config-file /etc/second.conf status'


@pytest.mark.parametrize('clusters, answering, expected', [
    ([SURE], ALL, ('The monitors of the only cluster are certain.',
                   f'Go on: {STATUS}')),
    ([SURE, CLAIM], None,
     ('The monitors of 1 of 2 clusters are not certain.', f'Next: {STATUS}')),
    ([SURE], frozenset(),
     ('The monitors of the only cluster are not certain.',
      'Do not go on before the monitors of 1 cluster are known and answer.')),
    ([SURE, UNKNOWN], ALL,
     ('The monitors of 1 of 2 clusters are not certain.',
      'Do not go on before the monitors of 1 cluster are known and answer.'))])
def test_the_ends_say_whether_to_go_on(clusters, answering, expected):
    assert ends(*clusters, answering=answering) == expected


def test_what_is_not_certain_comes_first():
    text = drawn.to_pipe(SAMPLES['monitors-not-certain'], 80)
    places = [text.index(f'  {head}  {name}') for head, name in (
        ('NO', 'a-backend'), ('??', 'far'), ('ok', 'ceph'))]
    assert places == sorted(places)


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(drawn.NAMES, drawn.NAMES, st.sampled_from(Source),
       st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(name, backend, source, width):
    screen = drawing(but(name=name, source=source, backends=(
        Backend('cinder', backend, None, None, None),)))
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
