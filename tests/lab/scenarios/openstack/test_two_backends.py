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

"""Two clusters of the same name behind Cinder; the monitors of one move.

A server has a volume on each; the backend of a volume tells its cluster.
"""

from __future__ import annotations

import pathlib
from typing import Iterator

import pytest

from lab import ceph
from lab import guests
from lab import inside
from lab import libvirtd
from lab import mons
from lab.openstack import backing
from lab.openstack import cinder
from lab.openstack import user as users
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios.openstack import fleet
from tests.lab.scenarios.openstack import server as servers

HOST = ('--host', 'lab')
CONF = pathlib.Path('/etc/ceph/other.conf')
SECRET = '9b1f6c52-0d7e-4d0b-8f5b-2a4c6e8d0f13'
BEFORE = mons.on('127.0.1.11', '127.0.1.12', '127.0.1.13')
AFTER = mons.on('127.0.1.21', '127.0.1.22', '127.0.1.23')
FIRST = cinder.backend(inside.CONF, guests.SECRET)
OTHER = cinder.backend(CONF, SECRET)
REPLICATED = {**FIRST, 'replication_device': (
    f'backend_id:dr,conf:{CONF},user:{ceph.USER},secret_uuid:{SECRET}')}
RIGHT = 'current', 'current-address'


@pytest.fixture(scope='module')
def other(lab: inside.Lab, operator: operators.Operator
          ) -> Iterator[ceph.Cluster]:
    """Return the second cluster, which is a backend of Cinder."""
    operator.run('refresh', *HOST, '--unmanaged')
    cluster = ceph.Cluster(CONF, '127.0.1.1', lab.services)
    cluster.start(BEFORE)
    libvirtd.keep_key('client.cinder of the other', SECRET, cluster.key())
    _serve(lab, {cinder.BACKEND: FIRST, 'other': OTHER})
    yield cluster
    _serve(lab, {cinder.BACKEND: FIRST})
    cluster.stop()


def _serve(lab: inside.Lab, backends: dict[str, dict[str, object]]) -> None:
    cinder.write_conf(backends)
    lab.services.stop('cinder-volume')
    lab.services.start(*cinder.all_services())
    users.User().volumes.wait_for_backends(backends)


@pytest.fixture(scope='module')
def server(user: users.User, ships: fleet.Fleet,
           other: ceph.Cluster) -> servers.Server:
    """Return a stopped server with a volume on each cluster."""
    user.volumes.create_type('other')
    made = ships.make(['own-two'])['own-two']
    for kind, cluster in ((cinder.BACKEND, inside.CONF), ('other', CONF)):
        volume = user.volumes.create(f'of-{kind}', kind=kind)
        user.volumes.settled(volume, 'available')
        servers.write_pattern(volume, cluster)
        user.attach(made.id, volume)
        made.volume = volume
    assert made.act('stop') == 'Success'
    return made


def test_only_its_disks_change(operator, other, server):
    def states(code: int) -> dict[tuple[str, str, str], str]:
        told = operator.run('status', *HOST, '--instance', server.id,
                            code=code)
        return {(record['store'], record['disk'], record['key']):
                record['state'] for record in told['records']}

    assert set(states(0).values()) == {'current'}
    before = server.documents()
    other.move(AFTER)
    stale = {key for key, state in states(1).items() if state == 'stale'}
    assert {(store, disk) for store, disk, _ in stale} == {
        ('nova-bdm', 'vdc'), ('domain', 'vdc'), ('cinder-attachment', None)}
    assert len(stale) == 3
    assert server.act('start') == 'Error'

    told = operator.run('refresh', *HOST, '--instance', server.id)
    assert {cluster['name'].split('-')[0]
            for cluster in told['clusters']} == {'ceph'}
    after = server.documents()
    changed = {key for key in before if before[key] != after[key]}
    assert len(changed) == 2
    assert all('other' in users.User().volumes.backend(volume)
               for _, volume in changed)
    assert server.act('start') == 'Success'
    server.counts()
    assert server.reads('vdb') and server.reads('vdc')


@pytest.fixture
def elsewhere(user: users.User, server: servers.Server) -> Iterator[None]:
    """Have Cinder's database name the wrong backend for a volume."""
    host = user.volumes.backend(server.volume)
    _move_volume(server.volume, f'lab@{cinder.BACKEND}#{cinder.BACKEND}')
    yield
    _move_volume(server.volume, host)


@pytest.fixture
def failed_over(elsewhere: None) -> Iterator[None]:
    """Have config and volume as after a failover of the backend.

    The volume is on the secondary cluster then, but its host is still that
    of the backend. The services do not notice.
    """
    cinder.write_conf({cinder.BACKEND: REPLICATED})
    yield
    cinder.write_conf({cinder.BACKEND: FIRST, 'other': OTHER})


def _move_volume(volume: str, host: str) -> None:
    backing.sql(f"UPDATE cinder.volumes SET host = '{host}' "
                f"WHERE id = '{volume}'")


def judged(operator: operators.Operator, server: servers.Server,
           code: int = 0) -> dict[str, tuple[str, str]]:
    """Return state and evidence of the disks in libvirt's XML."""
    told = operator.run('status', *HOST, '--instance', server.id, code=code)
    return {record['disk']: (record['state'], record['evidence']['kind'])
            for record in told['records'] if record['store'] == 'domain'}


def test_failed_over(operator, server, failed_over):
    """It does not matter which cluster of a backend is active."""
    assert server.act('stop') == 'Success'
    assert judged(operator, server) == dict.fromkeys(
        ('vda', 'vdb', 'vdc'), RIGHT)


@pytest.fixture(scope='module')
def moved_back(other, server) -> None:
    other.move(BEFORE)


def test_contradiction(operator, server, moved_back, elsewhere):
    """The addresses are those of one cluster, the backend is another's."""
    before = server.documents(), server.xml()
    assert judged(operator, server, code=1) == {
        'vda': RIGHT, 'vdb': RIGHT,
        'vdc': ('unknown-cluster', 'contradiction')}
    told = operator.run('refresh', *HOST, '--instance', server.id, code=4)
    assert told['summary']['not_judged'] == 3
    assert (server.documents(), server.xml()) == before


def test_failed_over_and_moved(operator, server, moved_back, failed_over):
    """The disk gets the monitors of its cluster, the secondary one."""
    before = server.documents()
    assert judged(operator, server, code=1) == {
        'vda': RIGHT, 'vdb': RIGHT, 'vdc': ('stale', 'history')}

    operator.run('refresh', *HOST, '--instance', server.id)
    after = server.documents()
    assert {key for key in before if before[key] != after[key]} == {
        ('nova-bdm', server.volume), ('cinder-attachment', server.volume)}
    for told in (server.connection_info()['data'], server.attachment()):
        assert sorted(told['hosts']) == [
            host for host, _ in mons.first_addresses(BEFORE)]
    assert judged(operator, server) == dict.fromkeys(
        ('vda', 'vdb', 'vdc'), RIGHT)
    assert server.act('start') == 'Success'
    server.counts()
    assert server.reads('vdb') and server.reads('vdc')
