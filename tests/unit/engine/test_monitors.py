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

"""The clusters, and whether monitors answer at former addresses."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.ceph import client
from rbd_mon_fix.engine import monitors
from rbd_mon_fix.model.history import FormerMonitor
from tests.unit import memory
from tests.unit import worlds

OLD = memory.addrs('10.0.0.1:6789')
GIVEN_ON = memory.addrs('10.1.0.1:6789')


@pytest.mark.parametrize('answering, greeted', [
    (None, None), (frozenset(), frozenset(OLD))])
def test_find_monitors(tmp_path, nova, monkeypatch, answering, greeted):
    asked = []
    monkeypatch.setattr(client, 'answering', lambda addrs: (
        asked.append(set(addrs)) or frozenset(addrs)))
    cluster = dataclasses.replace(memory.cluster(), former=tuple(
        FormerMonitor('a', addrs, 1, 2) for addrs in (OLD, GIVEN_ON)))
    with worlds.World(tmp_path, nova).context() as context:
        context.__dict__.update(clusters=(cluster,), answering=answering)
        found = engine.find_monitors(context)
    assert found.answering == answering
    [told] = found.clusters
    assert told.greeted == greeted
    assert told.written
    # The address of a present monitor is not a former address.
    assert asked == ([] if answering is None else [set(OLD)])


def test_an_address_that_another_cluster_has_now_answers(
        tmp_path, nova, monkeypatch):
    """The monitors file must not say that nobody lives there."""
    monkeypatch.setattr(client, 'answering', lambda addrs: frozenset())
    clusters = (memory.cluster(former='10.0.0.1:6789,10.1.0.2:6789'),
                memory.cluster('b', '10.0.0.1:6789', former=''))
    with worlds.World(tmp_path, nova).context() as context:
        context.__dict__.update(
            clusters=clusters, answering=frozenset(memory.addrs(
                '10.0.0.1:6789,10.1.0.2:6789')))
        first, second = engine.find_monitors(context).clusters
    # An address of its own present monitors is not a former one.
    assert first.greeted == frozenset(OLD)
    assert second.greeted == frozenset()


@pytest.mark.parametrize('stated, asked', [
    ('10.0.0.1', True), ('10.0.0.1:6790', True), ('mon', True),
    # Addresses of present monitors of either cluster; no port means both.
    ('10.1.0.1', False), ('10.1.0.1:3300', False), ('10.7.0.1', False)])
def test_stated_addresses(monkeypatch, stated, asked):
    monkeypatch.setattr(client, 'answering', frozenset)
    addrs = memory.addrs(stated)
    first, second = monitors.greeted((
        dataclasses.replace(memory.cluster(former=''), stated=addrs),
        memory.cluster('b', '10.7.0.1:6789', former='')))
    assert first.greeted == (frozenset(addrs) if asked else frozenset())
    assert second.greeted == frozenset()
