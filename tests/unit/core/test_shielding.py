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

"""Which cephx users of a host may be shielded."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import shielding
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.shield import Obstacle
from rbd_mon_fix.model.shield import Override
from tests.unit import memory

FSID = '7f3c1c52-3f0a-4a37-9a3e-0d5b1c2e4f60'
OTHER = '00000000-3f0a-4a37-9a3e-0d5b1c2e4f60'
EAST = memory.cluster('east', fsid=FSID)
WEST = memory.cluster('west', '10.9.0.1:6789', fsid=OTHER)
RIGHT = memory.addrs('10.1.0.1,10.1.0.2,10.1.0.3')
ALL = frozenset(addr for cluster in (EAST, WEST)
                for monitor in cluster.monmap.monitors
                for addr in monitor.addrs)


def use(user='cinder', cluster='east', image='volumes/a'):
    return shielding.ImageUse(image, user, cluster)


def override(user='cinder', fsid=FSID, addrs=RIGHT):
    return Override(user, fsid, addrs)


def with_user(cluster, user):
    return dataclasses.replace(cluster, backends=(
        Backend('cinder', 'rbd', 'volumes', user, None),))


def plan(*uses, clusters=(EAST, WEST), answering=ALL, unreadable=(),
         wanted=None, **conf):
    return shielding.ShieldRules(
        clusters, answering, shielding.ConfFacts(**conf), uses,
        unreadable).plan(wanted)


def bars(found):
    return {each.user: each.obstacle for each in found.barred}


def test_one_section_a_user():
    found = plan(use('nova'), use('cinder'), use('cinder', image='volumes/b'),
                 use('other', 'west'))
    assert found.barred == ()
    assert found.overrides == (
        override('cinder'), override('nova'),
        override('other', OTHER, memory.addrs('10.9.0.1')))


def test_a_host_without_images_has_nothing_to_shield():
    assert plan() == shielding.ShieldPlan((), ())


@pytest.mark.parametrize('bar, given', [
    (Obstacle.NO_USER, dict(user=None)),
    (Obstacle.UNSAFE_NAME, dict(unsafe=frozenset({'cinder'}))),
    (Obstacle.FOREIGN, dict(others={'client.cinder': '192.0.2.1'})),
    (Obstacle.UNKNOWN_CLUSTER, dict(cluster=None)),
    (Obstacle.UNREADABLE, dict(unreadable=['domain of a'])),
    (Obstacle.NO_FSID, dict(clusters=[memory.cluster('east')])),
    (Obstacle.OTHER_FSID, dict(fsid='11111111-3f0a-4a37-9a3e-0d5b1c2e4f60')),
    (Obstacle.OTHER_FSID, dict(before=(override(fsid=OTHER),))),
    (Obstacle.CLAIM, dict(clusters=[dataclasses.replace(
        EAST, source=Source.CEPH_CONF)])),
    (Obstacle.CLAIM, dict(clusters=[dataclasses.replace(
        EAST, source=Source.MONITORS_FILE)])),
    # Another cluster, which cannot be asked, may have had the addresses.
    (Obstacle.CLAIM, dict(cluster=None, clusters=[EAST, dataclasses.replace(
        WEST, source=Source.NONE, monmap=MonMap(()))])),
    (Obstacle.NO_ANSWER, dict(answering=frozenset())),
    (Obstacle.NO_ANSWER, dict(answering=frozenset(
        memory.addrs('10.9.0.1:6789')))),
    (Obstacle.NO_ANSWER, dict(clusters=[dataclasses.replace(
        EAST, monmap=memory.monmap(''))])),
    (Obstacle.SEVERAL_CLUSTERS, dict(clusters=[
        EAST, with_user(WEST, 'cinder')])),
    (Obstacle.SEVERAL_CLUSTERS, dict(clusters=[
        with_user(EAST, 'cinder'), with_user(WEST, 'cinder')])),
])
def test_a_user_that_is_barred(bar, given):
    """Its section, if there is one, stays as it is; others are written."""
    user = given.pop('user', 'cinder')
    cluster = given.pop('cluster', 'east')
    found = plan(use(user, cluster), **given)
    assert bars(found) == {user: bar}
    assert found.overrides == given.get('before', ())
    assert found.barred[0].detail


@pytest.mark.parametrize('others', [{}, {'client.cinder': '192.0.2.1'}])
def test_a_section_that_is_not_proven(others):
    """It is wanted once more, or goes if its user is barred."""
    cut_off = dataclasses.replace(override(), is_proven=False)
    found = plan(use(), before=(cut_off,), others=others)
    assert found.overrides == (() if others else (override(),))
    assert plan(before=(cut_off,), wanted=frozenset()).overrides == ()


def test_images_in_two_clusters():
    found = plan(use(), use(cluster='west'), use('nova'))
    assert bars(found) == {'cinder': Obstacle.SEVERAL_CLUSTERS}
    assert 'east and west' in found.barred[0].detail
    assert found.overrides == (override('nova'),)


def test_one_image_of_an_unknown_cluster_among_others():
    found = plan(use(), use(cluster=None))
    assert bars(found) == {'cinder': Obstacle.UNKNOWN_CLUSTER}


def test_names():
    """One that does not resolve would stop every start."""
    named = MonMap((*EAST.monmap.monitors, Monitor(
        '', MonAddr('mon.example.org', 6789),
        (MonAddr('mon.example.org', 6789),))))
    found = plan(use(), clusters=[dataclasses.replace(EAST, monmap=named)])
    assert bars(found) == {'cinder': Obstacle.NAMES}
    assert 'mon.example.org:6789 ' in found.barred[0].detail


def test_a_user_of_the_other_cluster_in_the_same_file():
    """The ceph.conf of a host with two clusters has the fsid of one."""
    found = plan(use('other', 'west'), fsid=FSID)
    assert [each.user for each in found.overrides] == ['other']


def test_a_setting_for_all_users_is_weaker():
    found = plan(use(), others={'global': '192.0.2.1', 'client': '192.0.2.1'})
    assert found.overrides == (override(),)


def test_refresh():
    """Only users that have a section, with images on the host or without."""
    before = (override('cinder', addrs=memory.addrs('10.0.0.1')),
              override('gone', OTHER, memory.addrs('10.0.0.1')))
    found = plan(use(), use('nova'), before=before,
                 wanted=frozenset({'cinder', 'gone'}))
    assert found.barred == ()
    assert found.overrides == (
        override(), override('gone', OTHER, memory.addrs('10.9.0.1')))


def test_refresh_of_a_cluster_that_the_config_no_longer_names():
    before = (override('gone', OTHER),)
    found = plan(clusters=[EAST], before=before, wanted=frozenset({'gone'}))
    assert bars(found) == {'gone': Obstacle.UNKNOWN_CLUSTER}
    assert found.overrides == before


@pytest.mark.parametrize('monitors, expected', [
    ([['10.0.0.1:3300', '10.0.0.1:6789']], '10.0.0.1'),
    ([['10.0.0.1:6789']], '10.0.0.1:6789'),
    ([['10.0.0.1:3300']], '10.0.0.1:3300'),
    ([['10.0.0.1:3300', '10.0.0.1:6789', '10.0.0.1:3301']],
     '10.0.0.1,10.0.0.1:3301'),
    ([['10.0.0.1:16789'], ['10.0.0.1:26789']],
     '10.0.0.1:16789,10.0.0.1:26789'),
    ([['0.0.0.0:0'], ['10.0.0.2:6789']], '10.0.0.2:6789'),
    # Old and new monitors, while the cluster has both.
    ([['10.0.0.1:3300', '10.0.0.1:6789'], ['10.1.0.1:3300', '10.1.0.1:6789']],
     '10.0.0.1,10.1.0.1'),
    ([['[2001:db8::1]:3300', '[2001:db8::1]:6789']], '2001:db8::1'),
])
def test_addresses(monitors, expected):
    monmap = MonMap(tuple(
        Monitor('', MonAddr.parse(addrs[0]), tuple(map(MonAddr.parse, addrs)))
        for addrs in monitors))
    assert shielding.addresses(monmap) == memory.addrs(expected)
