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

"""Check that a libvirt belongs to the expected compute host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, Optional
from urllib import parse

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import local_host
from rbd_mon_fix.model import host_name

if TYPE_CHECKING:
    from rbd_mon_fix.inventory import cells as cells_module


def has_host_name(uri: str) -> bool:
    """Tell whether a libvirt has the name of a compute host.

    A driver embedded in this process reports the name of this machine, and
    so does libvirt's test driver. Neither serves a nova-compute, and both
    may stand for any host.
    """
    parts = parse.urlsplit(uri)
    return parts.path != '/embed' and parts.scheme.split('+')[0] != 'test'


def names(host: str, cells: Optional[cells_module.Cells],
          here: local_host.LocalHost) -> Collection[str]:
    """Return the names that the libvirt of a compute host may have.

    Nova stores the name that libvirt reports to nova-compute. Without Nova's
    database, the host's own name is used. ``host`` in nova.conf may be any
    word, so for this machine the host name is accepted as well.

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

    That libvirt has other domains, so stale copies on the intended host
    would go unreported.

    :param hostname: the host name that libvirt reports
    :param expected: see ``names``
    :raises Unreachable: the host name belongs to another machine
    """
    if any(host_name.is_same(hostname, name) for name in expected):
        return
    raise exceptions.Unreachable(
        f'The libvirt that answers for compute host {host} is on {hostname}, '
        f'not on {" or ".join(sorted(expected))}.',
        'Give --libvirt-uri with {host} in it, such as '
        "'qemu+tls://{host}/system', or run this on the compute host.")
