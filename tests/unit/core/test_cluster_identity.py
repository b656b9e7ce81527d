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

"""A learnt fsid, and a different fsid later."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonMap

ONE = 'aaaaaaaa-0000-4000-8000-000000000001'
TWO = 'bbbbbbbb-0000-4000-8000-000000000002'
SSD = Backend('cinder', 'ssd', 'volumes-ssd', 'cinder', 'secret')
HDD = Backend('cinder', 'hdd', 'volumes', 'cinder', 'secret')
NOVA = Backend('nova', '', 'vms', 'cinder', 'secret')


def cluster(fsid, *backends, source=Source.MON_DUMP):
    return Cluster('ceph', fsid, source, MonMap(()), backends)


def known(**fsids):
    return cluster_identity.learnt(
        [cluster(fsid, {'ssd': SSD, 'hdd': HDD, 'nova': NOVA}[name])
         for name, fsid in fsids.items()], {})


@pytest.mark.parametrize('before, now, swapped', [
    ({}, cluster(ONE, SSD), []),
    ({'ssd': ONE}, cluster(ONE, SSD), []),
    ({'ssd': ONE}, cluster(None, SSD), []),
    ({'hdd': ONE}, cluster(TWO, SSD), []),
    ({'ssd': ONE}, cluster(TWO, SSD), [SSD]),
    ({'ssd': ONE}, cluster(TWO, SSD, source=Source.CEPH_CONF), [SSD]),
    ({'ssd': ONE}, cluster(TWO, SSD, source=Source.MONITORS_FILE), [SSD]),
    ({'ssd': ONE, 'hdd': ONE}, cluster(TWO, SSD, HDD), [SSD, HDD]),
    ({'ssd': ONE, 'hdd': TWO}, cluster(TWO, SSD, HDD), [SSD]),
    ({'nova': ONE}, cluster(TWO, NOVA), [NOVA]),
])
def test_swaps(before, now, swapped):
    found = list(cluster_identity.swaps([now], known(**before)))
    assert [swap.backend for swap in found] == swapped
    assert {swap.before for swap in found} <= {ONE}
    assert {swap.now for swap in found} <= {TWO}


@pytest.mark.parametrize('before, fsids, swapped', [
    ({'ssd': ONE}, (ONE, TWO), False),
    ({'ssd': TWO}, (ONE, TWO), False),
    ({'ssd': ONE}, (None, TWO), False),
    ({'ssd': ONE}, (TWO, TWO), True),
    ({'ssd': ONE}, (TWO,), True),
])
def test_swaps_of_a_replicated_backend(before, fsids, swapped):
    """One of its clusters must be the one that was learnt."""
    found = list(cluster_identity.swaps(
        [cluster(fsid, SSD) for fsid in fsids], known(**before)))
    assert bool(found) is swapped


def test_the_primary_of_a_replicated_backend_is_learnt():
    learnt = cluster_identity.learnt([cluster(ONE, SSD), cluster(TWO, SSD)],
                                     {})
    assert learnt == {cluster_identity.identity(SSD): ONE}


def test_a_host_that_the_config_begins_to_set_hides_no_swap():
    now = dataclasses.replace(SSD, host='ctl')
    assert list(cluster_identity.swaps([cluster(TWO, now)], known(ssd=ONE)))


def test_a_secret_that_is_the_fsid_hides_no_swap():
    before = cluster_identity.learnt([cluster(ONE, Backend(
        'cinder', 'ssd', 'volumes', 'cinder', ONE))], {})
    now = cluster(TWO, Backend('cinder', 'ssd', 'volumes', 'cinder', TWO))
    assert list(cluster_identity.swaps([now], before))


def test_compute_hosts_of_two_clusters_are_told_apart_by_their_secret():
    other = Backend('nova', '', 'vms', 'cinder', 'another')
    assert not list(cluster_identity.swaps([cluster(TWO, other)],
                                      known(nova=ONE)))


@pytest.mark.parametrize('source, is_learnt', [
    (Source.MON_DUMP, True), (Source.CEPH_CONF, False),
    (Source.MONITORS_FILE, False), (Source.NONE, False)])
def test_only_the_clusters_own_word_is_learnt(source, is_learnt):
    learnt = cluster_identity.learnt([cluster(ONE, SSD, source=source)], {})
    assert bool(learnt) is is_learnt


def test_what_is_known_is_kept():
    before = known(ssd=ONE)
    assert cluster_identity.learnt([cluster(TWO, SSD, HDD)], before) == {
        **before, cluster_identity.identity(HDD): TWO}
