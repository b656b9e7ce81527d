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

"""How nova-compute reaches the disks that it creates itself."""

from __future__ import annotations

import dataclasses
import os

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.documents import ceph_conf as document
from rbd_mon_fix.model import monmap
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor

_DEFAULT_PORTS = {monmap.V1_PORT, monmap.V2_PORT}


@dataclasses.dataclass(frozen=True)
class OwnDisks:
    """The ceph.conf that this machine's nova.conf names."""

    nova: nova_conf.NovaConf

    @property
    def path(self) -> str:
        """Return the path of the file, as Nova names it."""
        return (self.nova.images_rbd_ceph_conf
                or ceph_conf.default_path(ceph_conf.cluster_of('')))

    def read(self) -> document.CephConfText:
        """Read the file for an unnamed disk, as Nova's user.

        :raises Gone: the file does not exist
        :raises Unreadable: the file names no monitors
        """
        if not os.path.exists(self.path):
            raise exceptions.Gone(f'There is no file {self.path}.')
        try:
            conf = ceph_conf.load(self.path, ceph_conf.cluster_of(self.path),
                                  self.nova.rbd_user)
            monitors = conf.monmap().monitors
        except exceptions.ConfigError as error:
            raise exceptions.Unreadable(error.message) from error
        addrs = tuple(addr for each in monitors for addr in _tried(each))
        return document.CephConfText(conf.text, (RbdDisk(
            'volume', '', self.nova.rbd_user, self.nova.rbd_secret_uuid,
            addrs, conf.mon_host),))


def _tried(monitor: Monitor) -> tuple[MonAddr, ...]:
    """Return the addresses of a monitor, or its host for both default ports.

    One of the two ports is enough for librados.
    """
    hosts = {addr.host for addr in monitor.addrs}
    if len(hosts) == 1 and _DEFAULT_PORTS == {
            addr.port for addr in monitor.addrs}:
        return (MonAddr(hosts.pop(), None),)
    return monitor.addrs
