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

"""Grounds for an address: present, former and stated monitors."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import grounds
from rbd_mon_fix.model.evidence import EvidenceKind as Kind
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from tests.unit import memory

BOTH = memory.addrs('10.9.0.1:3300,10.9.0.1:6789')
CLUSTER = dataclasses.replace(
    memory.cluster(), stated=memory.addrs('10.8.0.1,10.9.0.1:6789'),
    former=(FormerMonitor('late', BOTH, 5, 6, '2026-11-20'),
            FormerMonitor('early', BOTH[1:], 1, 2, '2026-11-01'),
            FormerMonitor('', memory.addrs('10.7.0.1:6789'), 0, 0)))


def ground(addr, **names):
    table = grounds.Grounds(CLUSTER, {
        name: frozenset(found) for name, found in names.items()})
    return table.of(MonAddr.parse(addr))


@pytest.mark.parametrize('addr, kind, words', [
    ('10.1.0.1:6789', Kind.CURRENT_ADDRESS, ''),
    ('10.1.0.1:3300', Kind.CURRENT_ADDRESS, ''),
    # The latest monitor counts, and history outranks statements.
    ('10.9.0.1:6789', Kind.HISTORY,
     '10.9.0.1:6789 was mon.late until 2026-11-20'),
    ('10.9.0.1', Kind.HISTORY, '10.9.0.1:3300 was mon.late until 2026-11-20'),
    ('10.7.0.1:6789', Kind.HISTORY, '10.7.0.1:6789 was a former monitor'),
    ('10.8.0.1:3300', Kind.STATED,
     '10.8.0.1 is stated to be a former monitor'),
    ('10.8.0.1:6789', Kind.STATED,
     '10.8.0.1 is stated to be a former monitor'),
])
def test_whose_an_address_is(addr, kind, words):
    found = ground(addr)
    assert (found.kind, found.words) == (kind, words)


@pytest.mark.parametrize('addr', [
    '10.7.0.1:3300', '10.1.0.1:6790', '10.6.0.1', 'mon', 'mon:6789'])
def test_no_ground(addr):
    assert ground(addr) is None


def test_all_endpoints_of_the_monitor():
    assert ground('10.9.0.1:6789').endpoints == set(BOTH)
    assert ground('10.8.0.1:6789').endpoints == set(
        memory.addrs('10.8.0.1:3300,10.8.0.1:6789'))


def test_names():
    found = ground('mon:6789', mon=['10.9.0.1'])
    assert found.words == (
        'mon:6789: 10.9.0.1:6789 was mon.late until 2026-11-20')
    assert ground('mon', mon=['10.1.0.1']).words == ''
    assert ground('mon:6789', mon=['10.9.0.1', '10.6.0.1']) is None


def test_all_or_none():
    table = grounds.Grounds(CLUSTER, {})
    known = memory.addrs('10.9.0.1:6789,10.1.0.1:6789')
    assert [each.kind for each in table.of_all(known)] == [
        Kind.HISTORY, Kind.CURRENT_ADDRESS]
    assert table.of_all(known + memory.addrs('10.6.0.1:6789')) == ()
    assert table.of_all(()) == ()
