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

"""The scope of a scan: the operator's request, and the checked selection."""

from __future__ import annotations

import dataclasses
from typing import Optional, Sequence

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import places
from rbd_mon_fix.inventory import servers
from rbd_mon_fix.stores import registry

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Pace:
    """How several hosts are worked on.

    :param parallel: the number of hosts that are worked on at the same time
    :param patience: seconds after which a host is given up that sends no
        batch of servers, or no outcome; not for a single host
    """

    parallel: int
    patience: float


ONE = Pace(1, 0.0)


@dataclasses.dataclass(frozen=True)
class ScanRequest:
    """The parameters of a scan.

    :param hosts: compute hosts, as Nova names them; empty for this machine
    :param all_hosts: every host of the inventory
    :param instances: only these servers, by UUID or by a name that no other
        server of the hosts has; empty for all
    :param stores: only these stores, by name; empty for all
    :param unmanaged: correct guests that Nova does not know, too
    :param parallel: the number of hosts that are worked on at the same time
    """

    hosts: tuple[str, ...] = ()
    all_hosts: bool = False
    instances: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    unmanaged: bool = False
    parallel: int = 8


@dataclasses.dataclass(frozen=True)
class Selection:
    """A scan request that was checked against the deployment.

    :param hosts: the compute hosts, each once
    :param instances: only these servers, by UUID; empty for all
    :param stores: names of the stores, in writing order
    :param implied: names of stores that other stores need read
    :param lacking: names of wanted stores that are not available here
    """

    hosts: tuple[str, ...]
    instances: tuple[str, ...]
    stores: tuple[str, ...]
    implied: tuple[str, ...]
    unmanaged: bool
    lacking: tuple[str, ...] = ()
    pace: Pace = ONE

    def needs(self, need: registry.Need) -> bool:
        """Return whether a selected store has a need."""
        return any(registry.SPECS[name].needs is need
                   for name in self.stores)

    def includes(self, instance: str) -> bool:
        """Return whether a server is selected."""
        return not self.instances or instance in self.instances


def select(request: ScanRequest, context: contexts.Context) -> Selection:
    """Check a request against the deployment.

    :raises ConfigError: parts of the request exclude each other, or a
        requested store is not available here
    """
    hosts = _hosts(request, context)
    stores = _stores(request.stores, context, hosts)
    lacking = () if request.stores else tuple(
        name for name in registry.SPECS if name not in stores)
    return Selection(hosts, servers.uuids(request.instances, hosts,
                                          context.inventory), stores,
                     _implied(stores, context, hosts), request.unmanaged,
                     lacking, Pace(min(request.parallel, len(hosts) or 1),
                                   context.conf.host_timeout))


def this_host(context: contexts.Context) -> Optional[str]:
    """Return this machine as a compute host; None if Nova does not know it.

    On a compute host without Nova's database and API, only libvirt can be
    asked, and Nova's name of the host comes from the config.
    """
    here = context.local_host
    if context.inventory.lists_domains:
        return here.name if context.nova else None
    return here.among(context.inventory.hosts())


def _hosts(request: ScanRequest,
           context: contexts.Context) -> tuple[str, ...]:
    if request.hosts and request.all_hosts:
        raise exceptions.ConfigError(
            '--host and --all-hosts are mutually exclusive.',
            'Use only one of them.')
    if request.hosts:
        return tuple(dict.fromkeys(request.hosts))
    if request.all_hosts or not context.has_openstack:
        return tuple(context.inventory.hosts())
    here = this_host(context)
    if here is None:
        raise not_a_host(context, 'Give --host H, or --all-hosts.')
    return (here,)


def not_a_host(context: contexts.Context,
               hint: str) -> exceptions.ConfigError:
    """Return the error for a request without hosts on another machine."""
    return exceptions.ConfigError(
        f'No host was given, and Nova knows no compute host that is this '
        f'machine ({context.local_host.name}).', hint)


def _stores(wanted: Sequence[str], context: contexts.Context,
            hosts: Sequence[str]) -> tuple[str, ...]:
    lacking = {
        name: why for name, spec in registry.SPECS.items()
        if (why := places.why_missing(spec.needs, context, hosts))}
    for name in wanted:
        if name in lacking:
            raise exceptions.ConfigError(
                f'Store {name} is not available here: {lacking[name]}.',
                'Run this on a machine where the store is available, or omit '
                'that --store.')
    if context.has_openstack and not wanted:
        for name, why in lacking.items():
            # Most machines never have stores that are local to a compute host.
            say = (LOG.debug if registry.SPECS[name].local_only
                   else LOG.warning)
            say('Skipping %s: %s.', name, why)
    return tuple(name for name in registry.SPECS
                 if name in wanted or not wanted and name not in lacking)


def _implied(stores: Sequence[str], context: contexts.Context,
             hosts: Sequence[str]) -> tuple[str, ...]:
    implied = dict.fromkeys(
        name for store in stores for name in registry.SPECS[store].implies
        if name not in stores)
    return tuple(name for name in implied if not places.why_missing(
        registry.SPECS[name].needs, context, hosts))
