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

"""Whether a libvirt is that of the compute host that is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, Optional
from urllib import parse

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import local_host

if TYPE_CHECKING:
    from rbd_mon_fix.inventory import cells as cells_module


def has_host_name(uri: str) -> bool:
    """Tell whether a libvirt has the name of a compute host.

    A driver that is embedded in this process has the name of this machine,
    and so has libvirt's test driver: neither is where a nova-compute runs,
    and both may stand for any host.
    """
    parts = parse.urlsplit(uri)
    return parts.path != '/embed' and parts.scheme.split('+')[0] != 'test'


def names(host: str, cells: Optional[cells_module.Cells],
          here: local_host.LocalHost) -> Collection[str]:
    """Return the names that the libvirt of a compute host may have.

    Nova keeps the name that libvirt told nova-compute. Without Nova's
    database, the host's own name has to do; ``host`` in nova.conf may be
    any word, so that of this machine is known by its host name as well.

    :param cells: None without Nova's database
    :param here: this machine
    :raises Unreachable: the cell's database is down
    """
    known = cells.nodes(host) if cells is not None else set()
    if known:
        return known
    return {host, here.hostname} if here.is_here(host) else {host}


def require(hostname: str, host: str, expected: Collection[str]) -> None:
    """Refuse the libvirt of another host.

    Its domains are not those of the host: what is stale there would be
    reported as if it did not exist.

    :param hostname: what libvirt says
    :param expected: see ``names``
    :raises Unreachable: the host name is that of another machine
    """
    if any(local_host.is_same(hostname, name) for name in expected):
        return
    raise exceptions.Unreachable(
        f'The libvirt that answers for compute host {host} is on {hostname}, '
        f'not on {" or ".join(sorted(expected))}.',
        'Give --libvirt-uri with {host} in it, such as '
        "'qemu+tls://{host}/system', or run this on the compute host.")
