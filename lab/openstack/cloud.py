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

"""All OpenStack services, in the order of their dependencies."""

from __future__ import annotations

from concurrent import futures
import pathlib
from typing import Callable, Sequence

from lab import hosts
from lab import services
from lab.openstack import backing
from lab.openstack import cinder
from lab.openstack import keystone
from lab.openstack import nova
from lab.openstack import others
from lab.openstack import ssh

MADE = pathlib.Path('/var/lib/lab/openstack')


def start_backing(running: services.Services) -> None:
    """Start the database and the queue."""
    running.start(backing.mariadb(), backing.rabbitmq())


def prepare(ceph_conf: pathlib.Path) -> None:
    """Write all missing configs and create all missing databases.

    :param ceph_conf: of the cluster for all disks and images
    """
    if MADE.exists():
        return
    backing.create_databases()
    _side_by_side(
        keystone.prepare, others.prepare_placement, others.prepare_neutron,
        lambda: others.prepare_glance(ceph_conf),
        lambda: nova.prepare(ceph_conf), lambda: cinder.prepare(ceph_conf))
    MADE.touch()


def start(running: services.Services, those: Sequence[hosts.Host]) -> None:
    """Start all services, and the compute service of each host."""
    running.start(keystone.service())
    keystone.register()
    running.start(others.placement(), others.glance(), others.neutron(),
                  *nova.control(), *cinder.all_services())
    if len(those) > 1:
        ssh.prepare()
        running.start(*map(ssh.service, those))
    running.start(*map(nova.compute, those))
    nova.manage('cell_v2', 'discover_hosts')


def _side_by_side(*acts: Callable[[], object]) -> None:
    with futures.ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result()
