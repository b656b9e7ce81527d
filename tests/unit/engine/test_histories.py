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

"""The former monitors of clusters: stored ones, and ones queried from Ceph."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import history as ceph_history
from rbd_mon_fix.engine import histories
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.state import histories as kept
from tests.unit import memory

FSID = '0b5e1c1d-4f6a-4b53-8c22-6c1a2d1f0d01'
EPOCHS = {number: MonEpoch(number, f'2026-11-0{number}', memory.monmap(words))
          for number, words in ((1, '10.0.0.1:6789'), (2, '10.0.0.2:6789'),
                                (3, memory.NEW))}
CLUSTER = dataclasses.replace(
    memory.cluster(fsid=FSID), epoch=EPOCHS[3], way=Way('', None, 'cinder'))


@pytest.fixture
def asked(monkeypatch):
    """Return the epoch numbers that clusters were asked for."""
    numbers = []

    def epochs(way, wanted):
        assert way == CLUSTER.way
        numbers.append(list(wanted))
        return (EPOCHS[number] for number in wanted)

    monkeypatch.setattr(ceph_history, 'epochs', epochs)
    return numbers


def known(folder, cluster=CLUSTER, ask=True):
    found = histories.Histories([cluster], str(folder), ask)
    found.complete()
    [told] = found.clusters
    return [(str(each.addrs[-1]), each.until) for each in told.former]


ALL = [('10.0.0.2:6789', '2026-11-03'), ('10.0.0.1:6789', '2026-11-02')]


def test_later_runs_ask_only_for_new_epochs(tmp_path, asked):
    assert known(tmp_path) == ALL
    assert asked == [[2, 1]]
    assert known(tmp_path) == ALL
    assert asked[1:] == [[]]
    kept.save(str(tmp_path), FSID, kept.load(str(tmp_path), FSID).__class__(
        (EPOCHS[1],)))
    assert known(tmp_path) == ALL
    assert asked[2:] == [[2]]


def test_nothing_is_kept_where_no_run_was(tmp_path, asked):
    assert known(tmp_path / 'none') == ALL
    assert not (tmp_path / 'none').exists()


def test_what_is_remembered_serves_without_asking(tmp_path, asked):
    known(tmp_path)
    asked.clear()
    assert known(tmp_path, ask=False) == ALL
    assert known(tmp_path, dataclasses.replace(
        CLUSTER, epoch=None, way=None)) == ALL
    assert asked == []


def test_a_cluster_that_does_not_tell(tmp_path, monkeypatch, caplog):
    def epochs(way, wanted):
        yield EPOCHS[2]
        raise exceptions.Unreachable('No permission.')

    monkeypatch.setattr(ceph_history, 'epochs', epochs)
    assert known(tmp_path) == [('10.0.0.2:6789', '2026-11-03')]
    assert caplog.text.count('No permission.') == 1


def test_a_monitors_file_has_its_own(tmp_path, asked):
    former = FormerMonitor('x', memory.addrs('10.9.0.1:6789'), 1, 1, 'then')
    told = dataclasses.replace(CLUSTER, former=(former,), epoch=None,
                               way=None)
    assert known(tmp_path, told) == [('10.9.0.1:6789', 'then')]
