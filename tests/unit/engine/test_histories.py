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
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.state import histories as kept
from tests.unit import memory

FSID = '0b5e1c1d-4f6a-4b53-8c22-6c1a2d1f0d01'
EPOCHS = {number: MonEpoch(number, f'2026-11-0{number}', memory.monmap(words))
          for number, words in ((1, '10.0.0.1:6789'), (2, '10.0.0.2:6789'),
                                (3, memory.NEW))}
CLUSTER = dataclasses.replace(
    memory.cluster(fsid=FSID, former=''), epoch=EPOCHS[3],
    way=Way('', None, 'cinder'))


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


FILE = dataclasses.replace(CLUSTER, epoch=None, way=None, span=(3, 9))
TOLD = FormerMonitor('x', memory.addrs('10.9.0.1:6789'), 4, 5, 'then')


def test_a_monitors_file_is_joined_with_what_earlier_runs_learnt(tmp_path):
    told = dataclasses.replace(FILE, former=(TOLD,))
    for known, expected, span in (
            ((), ['10.9.0.1:6789'], (3, 9)),
            # The list that was current then is not that of the file.
            ((EPOCHS[1], EPOCHS[2]), [
                '10.9.0.1:6789', '10.0.0.2:6789', '10.0.0.1:6789'], (1, 9)),
            (EPOCHS.values(), [
                '10.9.0.1:6789', '10.0.0.2:6789', '10.0.0.1:6789'], (1, 9))):
        kept.save(str(tmp_path), FSID, MonHistory().merged(known))
        [found] = histories.Histories([told], str(tmp_path), False).clusters
        assert [str(each.addrs[-1]) for each in found.former] == expected
        assert found.span == span


def test_a_monitors_file_without_former_monitors(tmp_path):
    [found] = histories.Histories([FILE], str(tmp_path), False).clusters
    assert (found.former, found.span) == ((), (3, 9))
    bare = dataclasses.replace(FILE, span=None)
    [found] = histories.Histories([bare], str(tmp_path), False).clusters
    assert found.span is None


def explained(folder, *addrs, clusters=(CLUSTER,)):
    found = histories.Histories(list(clusters), str(folder), True)
    found.explain(memory.addrs(','.join(addrs)), {})
    return found


@pytest.mark.parametrize('addrs, answered', [
    (['10.1.0.1:6789', '10.1.0.1:3300'], []),
    (['0.0.0.0:0'], []),
    ([], []),
    (['10.0.0.2:6789'], [2]),
    (['10.0.0.2:6789', '10.0.0.1:6789'], [2, 1]),
    (['10.0.0.1'], [2, 1]),
    # The whole history does not explain it.
    (['10.9.0.1:6789'], [2, 1])])
def test_a_cluster_is_asked_no_further_back_than_needed(
        tmp_path, monkeypatch, addrs, answered):
    given = []

    def epochs(way, wanted):
        for number in wanted:
            given.append(number)
            yield EPOCHS[number]

    monkeypatch.setattr(ceph_history, 'epochs', epochs)
    found = explained(tmp_path, *addrs)
    assert given == answered
    assert found.clusters[0].span == (min([3, *answered]), 3)
    found.explain(memory.addrs('10.9.0.1:6789'), {})
    found.explain(memory.addrs('10.9.0.1:6789'), {})
    assert given == [2, 1]


def test_no_gap_remains_between_known_epochs(tmp_path, asked):
    """A gap would hide when a monitor left."""
    kept.save(str(tmp_path), FSID, MonHistory((EPOCHS[1],)))
    found = explained(tmp_path, '10.9.0.1:6789')
    assert asked == [[2]]
    assert [each.until for each in found.clusters[0].former] == [
        '2026-11-03', '2026-11-02']


def test_several_clusters_are_asked_for_everything(tmp_path, asked):
    """An address that one of them has now may have been another's."""
    other = dataclasses.replace(CLUSTER, name='b', fsid=FSID[::-1])
    found = explained(tmp_path, '10.1.0.1:6789', clusters=[CLUSTER, other])
    assert asked == [[2, 1], [2, 1]]
    assert [each.span for each in found.clusters] == [(1, 3), (1, 3)]


def test_a_cluster_that_does_not_tell_is_asked_once(tmp_path, monkeypatch,
                                                    caplog):
    calls = []

    def epochs(way, wanted):
        calls.append(wanted)
        raise exceptions.Unreachable('No permission.')

    monkeypatch.setattr(ceph_history, 'epochs', epochs)
    found = explained(tmp_path, '10.0.0.1:6789')
    found.explain(memory.addrs('10.0.0.2:6789'), {})
    found.complete()
    assert len(calls) == 1
    assert caplog.text.count('No permission.') == 1
    assert 'Unreachable' not in caplog.text


def test_a_damaged_file_is_told_once(tmp_path, asked, caplog):
    kept.save(str(tmp_path), FSID, MonHistory())
    path, = tmp_path.glob('*/*.json')
    path.write_text('{')
    found = explained(tmp_path, '10.0.0.2:6789')
    found.complete()
    assert asked == [[2, 1], [1]]
    assert len(caplog.messages) == 1
