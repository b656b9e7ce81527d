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

"""The services and folders that stores use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Sequence

from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import own_disks
from rbd_mon_fix.stores import registry

if TYPE_CHECKING:
    from rbd_mon_fix.clients import libvirt
    from rbd_mon_fix.clients.database import cinder
    from rbd_mon_fix.clients.database import nova


class Places:
    """The ``stores.registry.StorePlaces`` of a context."""

    def __init__(self, context: contexts.Context):
        self._context = context

    def cell(self, host: str) -> nova.Cell:
        """Return the cell of a compute host.

        :raises ConfigError: Nova does not know the host
        """
        assert self._context.cells is not None
        return self._context.cells.of_host(host)

    def volumes(self) -> cinder.Cinder:
        """Return Cinder's database."""
        assert self._context.cinder_database is not None
        return self._context.cinder_database

    def hypervisor(self, host: str) -> libvirt.Hypervisor:
        """Return the libvirt of a compute host.

        :raises Unreachable: libvirt cannot be reached
        """
        return self._context.hypervisor(host)

    def instances_path(self) -> str:
        """Return the folder that has one subfolder per server."""
        assert self._context.nova is not None
        return self._context.nova.instances_path

    def ceph_conf(self) -> own_disks.OwnDisks:
        """Return the ceph.conf of the disks that Nova creates itself."""
        assert self._context.nova is not None
        return own_disks.OwnDisks(self._context.nova)


def why_missing(need: registry.Need, context: contexts.Context,
                hosts: Sequence[str]) -> str:
    """Return why a need of stores is not met here, or ''.

    :param hosts: the selected compute hosts
    """
    if need is registry.Need.NOVA_DATABASE:
        return ('' if context.cells else
                'nova.conf gives no [database] connection')
    if need is registry.Need.CINDER_DATABASE:
        return ('' if context.cinder_database else
                'cinder.conf gives no [database] connection')
    if need is registry.Need.INSTANCES_FOLDER:
        return _why_no_instances(context, hosts)
    if need is registry.Need.CEPH_CONF:
        return _why_no_ceph_conf(context, hosts)
    return ''


def _why_no_instances(context: contexts.Context,
                      hosts: Sequence[str]) -> str:
    why = _why_not_here(context, hosts)
    if why or context.nova is None:
        return why
    if not os.path.isdir(context.nova.instances_path):
        return f'there is no folder {context.nova.instances_path}'
    return ''


def _why_no_ceph_conf(context: contexts.Context,
                      hosts: Sequence[str]) -> str:
    why = _why_not_here(context, hosts)
    if why or context.nova is None:
        return why
    if context.nova.images_type != 'rbd':
        return 'nova.conf does not set images_type = rbd in [libvirt]'
    path = own_disks.OwnDisks(context.nova).path
    # nova-compute may run in a container that has files of its own.
    return '' if os.path.exists(path) else f'there is no file {path}'


def _why_not_here(context: contexts.Context, hosts: Sequence[str]) -> str:
    """Return why files of a compute host are out of reach, or ''."""
    if context.nova is None:
        return 'there is no nova.conf'
    if not any(map(context.local_host.is_here, hosts)):
        return (f'this machine ({context.local_host.name}) is not a selected '
                'host')
    return ''
