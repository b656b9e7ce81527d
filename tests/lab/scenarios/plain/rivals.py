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

"""A cluster that shares all names with the lab's, and the configs of both."""

from __future__ import annotations

import pathlib
from typing import Sequence

from lab import ceph
from lab import guests
from lab import inside
from lab import mons

CONF = pathlib.Path('/etc/ceph/rival.conf')
ADDRESS = '127.0.2.1'
FIRST = mons.on('127.0.2.11', '127.0.2.12', '127.0.2.13')
SECOND = mons.on('127.0.2.21', '127.0.2.22', '127.0.2.23')

_BACKEND = f'''\
[DEFAULT]
enabled_backends = ceph
[ceph]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_user = {ceph.USER}
rbd_pool = {guests.POOL}
rbd_secret_uuid = {guests.SECRET}
'''
# A cinder.conf of the lab's cluster, one of the rival, and one whose only
# backend can fail over from the first to the second.
CINDER_OF_LAB = f'{_BACKEND}rbd_ceph_conf = {inside.CONF}\n'
CINDER_OF_RIVAL = f'{_BACKEND}rbd_ceph_conf = {CONF}\n'
CINDER_OF_BOTH = (f'{CINDER_OF_LAB}replication_device = '
                  f'backend_id:dr,conf:{CONF},user:{ceph.USER}\n')


def be(cluster: ceph.Cluster, wanted: Sequence[mons.Monitor]) -> None:
    """Have a cluster run with the given monitors."""
    cluster.start(wanted)
    if set(cluster.monitors()) != set(wanted):
        cluster.move(wanted)


def named_by(guest: guests.Guest) -> bool:
    """Return whether a guest names just the monitors of its cluster."""
    return sorted(guest.hosts()) == sorted(
        mons.first_addresses(guest.cluster.monitors()))
