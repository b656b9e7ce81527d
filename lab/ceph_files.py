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

"""The files of a cluster: ceph.conf, keyrings and the list of monitors."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Sequence
import uuid

from lab import mons

CONF = '''\
[global]
fsid = {fsid}
mon_host = {mon_host}
public_addr = {address}
cluster_addr = {address}
ms_bind_ipv4 = {ipv4}
ms_bind_ipv6 = {ipv6}
keyring = {conf.parent}/{conf.stem}.$name.keyring
run_dir = /run/ceph/{conf.stem}
admin_socket = /run/ceph/{conf.stem}/$name.asok
log_file = /var/log/ceph/{conf.stem}-$name.log
pid_file =
auth_allow_insecure_global_id_reclaim = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mgr_initial_modules =
mon_data_avail_warn = 1
# On one machine, a monitor that is up answers soon: defaults 5, 5 and 2 s.
mon_lease = 2
mon_election_timeout = 1
mon_probe_timeout = 1
[client]
# How long a start takes to fail; default 300 s.
client_mount_timeout = {mount_timeout}
[mon]
mon_data = {data}/$name
keyring = {data}/$name/keyring
[mgr]
mgr_data = {data}/$name
keyring = {data}/$name/keyring
[osd]
osd_data = {data}/$name
keyring = {data}/$name/keyring
osd_objectstore = memstore
memstore_device_bytes = 2147483648
# An orderly shutdown writes the data to a file, which the next start reads.
osd_fast_shutdown = false
'''


class Files:
    """The paths of a cluster's files, and the content of some.

    :param conf: the ceph.conf of its programs and clients; clusters on one
        machine have different file names
    :param address: the address of its OSD and its manager
    :param mount_timeout: how long a client looks for a monitor, in seconds
    """

    def __init__(self, conf: pathlib.Path, address: str, mount_timeout: int):
        self.conf = conf
        self.address = address
        self.data = pathlib.Path('/var/lib/ceph', conf.stem)
        self._mount_timeout = mount_timeout

    @property
    def fsid(self) -> str:
        """The cluster's id."""
        return (self.data / 'fsid').read_text()

    @property
    def monmap(self) -> str:
        """The file in which programs leave the monmap."""
        return str(self.data / 'monmap')

    def make(self, first: Sequence[mons.Monitor]) -> None:
        """Write the files of a new cluster."""
        self.data.mkdir(parents=True)
        pathlib.Path('/var/log/ceph').mkdir(exist_ok=True)
        self.conf.parent.mkdir(exist_ok=True)
        (self.data / 'fsid').write_text(str(uuid.uuid4()))
        self.write_conf(first)
        self.remember(first)

    def monitors(self) -> tuple[mons.Monitor, ...]:
        """Return the monitors that the cluster should have."""
        known = json.loads((self.data / 'monitors.json').read_text())
        return tuple(mons.Monitor(*words) for words in known)

    def remember(self, wanted: Sequence[mons.Monitor]) -> None:
        """Record the monitors that the cluster should have."""
        (self.data / 'monitors.json').write_text(json.dumps(
            [dataclasses.astuple(one) for one in wanted]))

    def write_conf(self, wanted: Sequence[mons.Monitor]) -> None:
        """Write ceph.conf.

        :param wanted: the monitors in ceph.conf
        """
        ipv6 = ':' in self.address
        self.conf.write_text(CONF.format(
            fsid=self.fsid, address=self.address, conf=self.conf,
            data=self.data, ipv4=not ipv6, ipv6=ipv6,
            mount_timeout=self._mount_timeout,
            mon_host=','.join(one.addresses for one in wanted)))

    def keyring(self, name: str) -> pathlib.Path:
        """Return the keyring of a client such as ``client.admin``."""
        return self.conf.parent / f'{self.conf.stem}.{name}.keyring'

    def socket(self, kind: str, name: str) -> str:
        """Return the admin socket of a daemon."""
        return f'/run/ceph/{self.conf.stem}/{kind}.{name}.asok'
