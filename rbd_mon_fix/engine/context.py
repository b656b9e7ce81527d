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

"""The services and files of the config, opened once, when first needed."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING, Optional

from oslo_config import cfg

from rbd_mon_fix.ceph import backends as ceph_backends
from rbd_mon_fix.conf import cinder as cinder_conf
from rbd_mon_fix.conf import files as service_files
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.conf import nova_api as api_conf
from rbd_mon_fix.conf import options
from rbd_mon_fix.engine import libvirts
from rbd_mon_fix.inventory import hypervisors
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.inventory import local_host
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr

if TYPE_CHECKING:
    from rbd_mon_fix.ceph import monitors_file
    from rbd_mon_fix.ceph import search
    from rbd_mon_fix.clients import libvirt
    from rbd_mon_fix.clients import nova_servers
    from rbd_mon_fix.clients.database import cinder as cinder_db
    from rbd_mon_fix.engine import histories
    from rbd_mon_fix.inventory import cells as cells_module

_LIBVIRT_URI = 'qemu:///system'

# Opens a connection to libvirt by its URI.
def _connect(uri: str) -> libvirt.Hypervisor:
    from rbd_mon_fix.clients import libvirt
    return libvirt.connect(uri)


class Context(contextlib.AbstractContextManager['Context']):
    """One cloud, or one plain libvirt host, as the config describes it.

    :param conf: parsed config with the options of ``conf.options``
    :param connect: opens a connection to libvirt
    """

    def __init__(self, conf: cfg.ConfigOpts,
                 connect: libvirts.Connect = _connect):
        self.conf = conf
        self._libvirts = libvirts.Libvirts(connect, self._check_libvirt)
        self._closing = contextlib.ExitStack()
        self._closing.callback(self._libvirts.close)
        self._search: Optional[search.Search] = None

    def __exit__(self, *exc_info: object) -> None:
        self._closing.close()

    @property
    def journal_dir(self) -> str:
        """Return the folder of the journal, locks and known clusters."""
        return str(self.conf.journal_dir)

    @functools.cached_property
    def nova_files(self) -> tuple[str, ...]:
        """Return Nova's config files, in reading order."""
        return service_files.in_order(
            service_files.NOVA, self.conf.nova_config_file,
            self.conf.nova_config_dir)

    @functools.cached_property
    def cinder_files(self) -> tuple[str, ...]:
        """Return Cinder's config files, in reading order."""
        return service_files.in_order(
            service_files.CINDER, self.conf.cinder_config_file,
            self.conf.cinder_config_dir)

    @functools.cached_property
    def nova(self) -> Optional[nova_conf.NovaConf]:
        """Return the settings in nova.conf; None without a nova.conf."""
        paths = self.nova_files
        return nova_conf.load(paths) if paths else None

    @functools.cached_property
    def cinder(self) -> Optional[cinder_conf.CinderConf]:
        """Return the settings in cinder.conf; None without a cinder.conf."""
        paths = self.cinder_files
        return cinder_conf.load(paths) if paths else None

    def begin_search(self) -> None:
        """Begin to ask the clusters for their monitors, if they are asked.

        ``clusters`` waits for the answers; until then, other work goes on.

        :raises ConfigError: nova.conf or cinder.conf is unusable
        """
        asks = not (self.conf.offline or self.conf.monitors_file)
        if asks and self._search is None:
            from rbd_mon_fix.ceph import search
            self._search = self._closing.enter_context(
                search.Search(ceph_backends.cluster_confs(
                    self.nova, self.cinder, self.plain())))

    @functools.cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters that the config names, with their monitors.

        :raises ConfigError: the config names no cluster, or is unusable
        :raises Unreachable: no monitors are known, and no cluster answers
        """
        from rbd_mon_fix.ceph import clusters
        from rbd_mon_fix.ceph import former_monitors
        self.begin_search()
        return former_monitors.stated(
            self.conf.former_monitors,
            clusters.learn(self.nova, self.cinder, self.plain(),
                           self.monitors_file, self._search),
            options.place(self.conf, 'former_monitors'))

    @functools.cached_property
    def monitors_file(self) -> Optional[monitors_file.MonitorsFile]:
        """Return the monitors file; None if none was given."""
        if not self.conf.monitors_file:
            return None
        from rbd_mon_fix.ceph import monitors_file
        return monitors_file.MonitorsFile(self.conf.monitors_file)

    @functools.cached_property
    def histories(self) -> histories.Histories:
        """Return the clusters with their former monitors.

        :raises ConfigError: the config names no cluster, or is unusable
        :raises Unreachable: no monitors are known, and no cluster answers
        """
        from rbd_mon_fix.engine import histories
        return histories.Histories(self.clusters, self.journal_dir,
                                   not self.conf.offline)

    @functools.cached_property
    def answering(self) -> Optional[frozenset[MonAddr]]:
        """Return the right endpoints that answer; None if offline."""
        if self.conf.offline:
            return None
        from rbd_mon_fix.ceph import client
        return client.answering({
            addr for cluster in self.clusters
            for monitor in cluster.monmap.monitors for addr in monitor.addrs})

    @functools.cached_property
    def cells(self) -> Optional[cells_module.Cells]:
        """Return Nova's cells; None without database credentials."""
        if self.nova is None:
            return None
        from rbd_mon_fix.inventory import cells
        return cells.of(self.nova)

    @functools.cached_property
    def cinder_database(self) -> Optional[cinder_db.Cinder]:
        """Return Cinder's database; None without its credentials."""
        if self.cinder is None or not self.cinder.database_connection:
            return None
        from rbd_mon_fix.clients.database import cinder
        from rbd_mon_fix.clients.database import engine
        return cinder.Cinder(engine.Database(
            self.cinder.database_connection, "Cinder's database"))

    @functools.cached_property
    def api(self) -> Optional[nova_servers.NovaApi]:
        """Return Nova's API; None without credentials for it."""
        if not api_conf.configured(self.conf):
            return None
        from rbd_mon_fix.clients import nova_api
        api_conf.register(self.conf)
        return nova_api.connect(self.conf, api_conf.cloud(self.conf))

    @functools.cached_property
    def inventory(self) -> instances.Inventory:
        """Return the inventory: which servers are on which host."""
        # A login that is not needed could only fail.
        return instances.of(self.cells, None if self.cells else self.api,
                            self.hypervisor)

    @property
    def has_openstack(self) -> bool:
        """Return whether the config names any part of OpenStack."""
        return bool(self.nova or self.cinder
                    or api_conf.configured(self.conf))

    @functools.cached_property
    def local_host(self) -> local_host.LocalHost:
        """Return this machine as a compute host."""
        return local_host.LocalHost.of(self.nova.host if self.nova else None)

    def libvirt_uri(self, host: str) -> str:
        """Return the libvirt URI of a compute host."""
        uri: str = (self.conf.libvirt_uri
                    or (self.nova.connection_uri if self.nova else None)
                    or _LIBVIRT_URI)
        return uri.replace('{host}', host)

    def hypervisor(self, host: str) -> libvirt.Hypervisor:
        """Return the libvirt of a compute host; several threads may ask.

        :raises Unreachable: libvirt cannot be reached, or belongs to another
            host
        """
        return self._libvirts.of(self.libvirt_uri(host), host)

    def _check_libvirt(self, uri: str, hypervisor: libvirt.Hypervisor,
                       host: str) -> None:
        """Check that a libvirt is a host's own."""
        if hypervisors.has_host_name(uri):
            hypervisors.require(
                hypervisor.hostname(), host,
                hypervisors.names(host, self.cells, self.local_host))

    def plain(self) -> Optional[ceph_backends.PlainCeph]:
        """Return the cluster of guests that Nova does not know.

        With OpenStack, /etc/ceph/ceph.conf may have any purpose, so None is
        returned unless the operator's config states user, secret or pools.
        """
        ceph = self.conf.ceph
        stated = any((ceph.user, ceph.secret_uuid, ceph.pools))
        if self.has_openstack and not stated:
            return None
        if self.conf.monitors_file and not os.path.exists(ceph.conf):
            return None
        return ceph_backends.PlainCeph(ceph.conf, ceph.cluster, ceph.user,
                                       ceph.secret_uuid, tuple(ceph.pools))
