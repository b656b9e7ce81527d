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

"""Two clusters of the same name; the monitors of one move.

The cluster that moves has IPv6 addresses, and its monitors use unusual ports.
"""

from __future__ import annotations

import pathlib
from typing import Callable, Iterator

import pytest

from lab import ceph
from lab import errors
from lab import guests
from lab import inside
from lab import libvirtd
from lab import mons
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching

CONF = pathlib.Path('/etc/ceph/second.conf')
SECRET = '0c9d9f39-3c56-4b0e-8a7b-4f8a5d3f7e21'
BEFORE = mons.on('::1', '::1', '::1')
AFTER = mons.on('::1', '::1', '::1', v1=6792, v2=3303)
RIGHT = [('::1', 6792), ('::1', 6793), ('::1', 6794)]

CINDER_CONF = f'''\
[DEFAULT]
enabled_backends = first,second
[backend_defaults]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_user = {ceph.USER}
rbd_pool = {guests.POOL}
[first]
rbd_ceph_conf = {inside.CONF}
rbd_secret_uuid = {guests.SECRET}
[second]
rbd_ceph_conf = {CONF}
rbd_secret_uuid = {SECRET}
'''
PLAIN_CONF = f'''\
[ceph]
conf = {CONF}
secret_uuid = {SECRET}
'''


@pytest.fixture(scope='module')
def second(lab: inside.Lab) -> Iterator[ceph.Cluster]:
    cluster = ceph.Cluster(CONF, '::1', lab.services)
    cluster.start(BEFORE)
    libvirtd.keep_key('client.cinder of the second', SECRET, cluster.key())
    yield cluster
    cluster.stop()


@pytest.fixture(scope='module')
def others(lab: inside.Lab, second: ceph.Cluster,
           guest_of: Callable[..., guests.Guest]
           ) -> tuple[guests.Guest, guests.Guest]:
    """Return a guest on each cluster, after the second's monitors moved."""
    if second.monitors() != BEFORE:
        second.move(BEFORE)
    made = guest_of('of-first'), guest_of('of-second', second, SECRET)
    second.move(AFTER)
    for guest in made:
        guest.stop()
    return made


@pytest.fixture
def cinder_conf() -> Iterator[None]:
    path = pathlib.Path('/etc/cinder/cinder.conf')
    path.parent.mkdir(exist_ok=True)
    path.write_text(CINDER_CONF)
    yield
    path.unlink()


@pytest.fixture
def plain_conf(tmp_path: pathlib.Path) -> str:
    path = tmp_path / 'second.conf'
    path.write_text(PLAIN_CONF)
    return str(path)


def test_one_is_known(others: tuple[guests.Guest, guests.Guest],
                      operator: operators.Operator):
    """Without cinder.conf, only the cluster of /etc/ceph/ceph.conf is."""
    before = [guest.xml() for guest in others]
    assert operator.judge(*others, code=1) == [
        ('current', 'current-address'), ('unknown-cluster', 'not-found')]
    told = operator.run('refresh', *operators.chosen(*others), code=4)
    assert told['summary']['not_judged'] == 1
    assert [guest.xml() for guest in others] == before


def test_only_its_disks_change(others: tuple[guests.Guest, guests.Guest],
                               operator: operators.Operator,
                               cinder_conf: None):
    of_first, of_second = others
    before = of_first.xml()
    clusters = operator.run('monitors')['clusters']
    assert {cluster['name'].split('-')[0] for cluster in clusters} == {'ceph'}
    assert operator.states(of_first) == {'domain': 'current'}
    assert operator.states(of_second, code=1) == {'domain': 'stale'}
    assert operator.opens(of_second, code=1) == {'domain': False}
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        of_second.start()

    told = operator.run('refresh', *operators.chosen(*others))
    assert of_first.xml() == before
    assert sorted(of_second.hosts()) == RIGHT
    assert operator.opens(of_second) == {'domain': True}
    for guest in others:
        guest.start()
        watching.writes(guest)

    operator.run('rollback', told['run'])
    assert of_first.xml() == before
    assert operator.states(of_second, code=1)['domain'] == 'stale'


def test_plain_host(others: tuple[guests.Guest, guests.Guest],
                    operator: operators.Operator, plain_conf: str):
    """A host without OpenStack names one cluster in a config file."""
    of_first, of_second = others
    before = of_first.xml()
    operator.run('--config-file', plain_conf, 'refresh',
                 *operators.chosen(*others), code=4)
    assert of_first.xml() == before
    assert sorted(of_second.hosts()) == RIGHT
    of_second.stop()
    of_second.start()
    watching.writes(of_second)
