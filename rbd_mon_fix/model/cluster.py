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

"""A Ceph cluster as the config of Cinder and Nova knows it."""

from __future__ import annotations

import dataclasses
import enum
from typing import Optional

from rbd_mon_fix.model import disk as disk_model
from rbd_mon_fix.model.monmap import MonMap


class Source(str, enum.Enum):
    """Where the right monitors of a cluster were learnt."""

    MON_DUMP = 'mon-dump'
    CEPH_CONF = 'ceph.conf'
    MONITORS_FILE = 'monitors-file'
    NONE = 'none'


@dataclasses.dataclass(frozen=True)
class Backend:
    """One section of a config file that says how to reach RBD.

    :param owner: 'cinder', 'nova', or 'libvirt' for a host without either
    :param name: Cinder's backend (section) name; '' where there is none
    :param pool: the RBD pool; None where any pool is meant
    :param user: the cephx user; None where cephx is off or any is meant
    :param secret_uuid: libvirt's secret; None where the config names none
    """

    owner: str
    name: str
    pool: Optional[str]
    user: Optional[str]
    secret_uuid: Optional[str]

    def owns(self, disk: disk_model.RbdDisk) -> bool:
        """Tell whether secret, user and pool of a disk are this backend's."""
        return (self.pool == disk.pool and self.user == disk.user
                and self.secret_uuid == disk.secret_uuid)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A Ceph cluster and its right monitors.

    :param name: unique within a run; the cluster name where that is
    :param fsid: None where it could not be learnt
    :param source: where the monitors were learnt
    :param monmap: empty where nothing could be learnt
    :param backends: the config sections that lead to this cluster
    """

    name: str
    fsid: Optional[str]
    source: Source
    monmap: MonMap
    backends: tuple[Backend, ...]
