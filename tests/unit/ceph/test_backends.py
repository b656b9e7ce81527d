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

"""The config sections that use RBD, grouped by ceph.conf."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from rbd_mon_fix.ceph import backends
from rbd_mon_fix.conf import cinder as cinder_conf
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.model.cluster import Backend

A = cinder_conf.CinderBackend('a', '/a.conf', 'ceph', 'cinder', 'S', 'volumes')
FAR = cinder_conf.Replica('far', '/far.conf', 'cinder', 'S')
NOVA = nova_conf.NovaConf(
    host=None, instances_path='', images_type='rbd', images_rbd_pool='vms',
    images_rbd_ceph_conf='/a.conf', rbd_user='nova', rbd_secret_uuid='N',
    connection_uri='', database_connection=None, api_database_connection=None)


def with_(**changes):
    return dataclasses.replace(A, **changes)


def ways(*found, nova=None, plain=None):
    """Return how each cluster is queried, and the backends that lead to it."""
    confs = backends.cluster_confs(
        nova, cinder_conf.CinderConf(None, found), plain)
    return [(each.path, each.cluster_name,
             [(section.conf, section.flag, section.user)
              for section in each.sections],
             [section.backend for section in each.sections])
            for each in confs]


OWN = Backend('cinder', 'a', 'volumes', 'cinder', 'S')
PRIMARY = ('/a.conf', 'ceph', [('/a.conf', 'ceph', 'cinder')], [OWN])
SECONDARY = ('/far.conf', 'far', [('/far.conf', 'far', 'cinder')], [OWN])


@pytest.mark.parametrize('replicas, expected', [
    ((), []),
    ((FAR,), [SECONDARY]),
    ((FAR, cinder_conf.Replica('r', '/r.conf', 'v', None)), [
        SECONDARY,
        ('/r.conf', 'r', [('/r.conf', 'r', 'v')],
         [Backend('cinder', 'a', 'volumes', 'v', None)])]),
])
def test_a_section_leads_to_its_replicas(replicas, expected):
    assert ways(with_(replicas=replicas)) == [PRIMARY, *expected]


def test_sections_share_a_replica():
    other = Backend('cinder', 'b', 'volumes', 'cinder', 'S')
    found = ways(with_(replicas=(FAR,)), with_(name='b', replicas=(FAR,)))
    assert [(path, owners) for path, _, _, owners in found] == [
        ('/a.conf', [OWN, other]), ('/far.conf', [OWN, other])]


def test_primaries_come_first():
    found = ways(with_(replicas=(FAR,)), with_(name='b', ceph_conf='/b.conf'),
                 nova=dataclasses.replace(
                     NOVA, images_rbd_ceph_conf='/n.conf'),
                 plain=backends.PlainCeph('/p.conf'))
    assert [path for path, _, _, _ in found] == [
        '/a.conf', '/b.conf', '/n.conf', '/far.conf', '/p.conf']


def test_the_host_goes_with_the_backend():
    found = ways(with_(host='ctl', replicas=(FAR,)),
                 nova=dataclasses.replace(NOVA, host='cmp1'))
    assert [[owner.host for owner in owners] for *_, owners in found] == [
        ['ctl'], ['cmp1'], ['ctl']]


def test_nova_s_host_is_this_machine_by_default():
    found = ways(nova=dataclasses.replace(NOVA, host=None))
    assert [[owner.host for owner in owners] for *_, owners in found] == [
        [socket.gethostname()]]


@pytest.mark.parametrize('secret, expected', [('S', 'S'), (None, 'fsid')])
def test_the_secret_of_a_replica(secret, expected):
    """If the secret is missing, Cinder returns the replica cluster's fsid."""
    replica = dataclasses.replace(FAR, secret_uuid=secret)
    confs = backends.cluster_confs(None, cinder_conf.CinderConf(
        None, (with_(host='ctl', replicas=(replica,)),)), None)
    (section,) = confs[1].sections
    assert backends.backends(section, 'fsid', None) == (
        Backend('cinder', 'a', 'volumes', 'cinder', expected, host='ctl'),)
