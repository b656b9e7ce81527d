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

"""The metrics of a check: a golden file, read by Prometheus' own parser."""

from __future__ import annotations

import pathlib
import sys

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.report import metrics
from tests.unit.report import healths
from tests.unit.report import sample

GOLDEN = pathlib.Path(__file__).with_name('metrics.prom')
STAMP = metrics.Stamp(1764169200.5, 1.25, '1.2.3')
# The names and the labels are a contract: alerts are made of them.
LABELS = {
    'copies': {'compute_host', 'cluster', 'store', 'state'},
    'servers': {'compute_host'},
    'servers_failing': {'compute_host', 'operation'},
    'servers_lost_on_power_failure': {'compute_host'},
    'copies_left_alone': {'compute_host', 'reason'},
    'guests': {'compute_host', 'state'}, 'monitors': {'cluster', 'answers'},
    'findings': {'compute_host', 'kind'}, 'host_reached': {'compute_host'},
    'last_check_timestamp_seconds': set(), 'check_duration_seconds': set(),
    'build_info': {'version'}}


@pytest.fixture
def parsed():
    """Return a function that parses metrics: families by name."""
    pytest.importorskip('prometheus_client')
    from prometheus_client import parser

    def parsed(health):
        return {family.name: family
                for family in parser.text_string_to_metric_families(
                    metrics.text(health, STAMP).decode())}
    return parsed


def test_golden():
    pytest.importorskip('prometheus_client')
    assert metrics.text(healths.fleet(), STAMP) == GOLDEN.read_bytes()


def test_names_and_labels(parsed):
    found = parsed(healths.fleet())
    assert {name: set().union(*(each.labels for each in family.samples))
            for name, family in found.items()} == {
        f'rbd_mon_fix_{name}': labels for name, labels in LABELS.items()}
    for family in found.values():
        assert family.type == 'gauge'
        assert family.documentation
        assert {each.timestamp for each in family.samples} == {None}


def test_no_label_names_a_server(parsed):
    """Each server would be a series of its own."""
    values = {value for family in parsed(healths.fleet()).values()
              for each in family.samples for value in each.labels.values()}
    assert not {sample.uuid(1), 'web-1'} & values


def test_a_host_that_was_not_reached(parsed):
    found = parsed(healths.fleet())
    told = {each.labels['compute_host']: each.value
            for each in found['rbd_mon_fix_host_reached'].samples}
    assert told == {'cmp1': 1, 'cmp2': 1, 'cmp3': 0}
    assert [family.name for family in found.values()
            for each in family.samples
            if each.labels.get('compute_host') == 'cmp3'] == [
        'rbd_mon_fix_host_reached']


@pytest.mark.parametrize('answering, answers', [
    (None, {'yes': 0, 'no': 0, 'not asked': 2}),
    (frozenset(), {'yes': 0, 'no': 2, 'not asked': 0}),
    (frozenset(sample.NEW[:1]), {'yes': 1, 'no': 1, 'not asked': 0})])
def test_monitors(parsed, answering, answers):
    found = parsed(healths.health(answering=answering))
    assert {each.labels['answers']: each.value
            for each in found['rbd_mon_fix_monitors'].samples} == answers


def test_a_host_with_a_strange_name(parsed):
    name = 'a"b\\c\nd'
    found = parsed(healths.health(hosts={name: healths.host(name)}))
    [told] = found['rbd_mon_fix_host_reached'].samples
    assert told.labels == {'compute_host': name}


def test_without_prometheus_client(monkeypatch):
    monkeypatch.setitem(sys.modules, 'prometheus_client', None)
    with pytest.raises(exceptions.ConfigError, match='metrics') as caught:
        metrics.require()
    assert 'python3-prometheus-client' in caught.value.hint
