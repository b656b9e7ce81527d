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

"""What libvirt is, and what it keeps beside domains."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Callable, Iterator

from rbd_mon_fix.clients import libvirt as door

try:
    import libvirt
except ImportError:
    pass  # nobody gets a connection then


@dataclasses.dataclass(frozen=True)
class Moment:
    """A snapshot or a checkpoint of a domain.

    :param xml: the domain as it was is part of it
    """

    domain: str
    name: str
    is_checkpoint: bool
    xml: str = dataclasses.field(repr=False)


def versions(hypervisor: door.Hypervisor) -> tuple[str, str]:
    """Return the versions of libvirt there, and of what it drives."""
    return hypervisor.call(lambda connection: (
        _version(connection.getLibVersion()),
        f'{connection.getType()} {_version(connection.getVersion())}'))


def may_define(hypervisor: door.Hypervisor) -> bool:
    """Tell whether the connection may write, by XML that is no domain's.

    Libvirt refuses it by its kind where it lets us write, and before it
    looks where it lets us read only (src/libvirt-domain.c). What polkit's
    access driver says of single domains is only known when they are defined.
    """
    def define(connection: Any) -> bool:
        try:
            connection.defineXML('<none/>')
        except libvirt.libvirtError as error:
            code = error.get_error_code()
            if code in (libvirt.VIR_ERR_OPERATION_DENIED,
                        libvirt.VIR_ERR_ACCESS_DENIED):
                return False
            if code not in (libvirt.VIR_ERR_XML_ERROR,
                            libvirt.VIR_ERR_XML_DETAIL,
                            libvirt.VIR_ERR_XML_INVALID_SCHEMA):
                raise
        return True
    return hypervisor.call(define)


def rbd_pools(hypervisor: door.Hypervisor) -> list[str]:
    """Return the XML of each storage pool of type rbd.

    :raises Unreachable: the connection is lost
    """
    def read(connection: Any) -> list[str]:
        pools = _existing(connection.listAllStoragePools,
                          libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_RBD)
        return [xml for pool in pools for xml in _existing(pool.XMLDesc, 0)]
    return hypervisor.call(read)


def moments(hypervisor: door.Hypervisor) -> Iterator[Moment]:
    """Yield snapshots and checkpoints, a domain's at a time.

    Domains without any cost one call in all.

    :raises Unreachable: the connection is lost
    """
    for flag, read in (
            (libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, _snapshots),
            (libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT, _checkpoints)):
        for domain in hypervisor.call(functools.partial(_domains, flag)):
            yield from hypervisor.call(functools.partial(read, domain))


def _domains(flag: int, connection: Any) -> list[Any]:
    return _existing(connection.listAllDomains, flag)


def _snapshots(domain: Any, connection: object) -> list[Moment]:
    return [Moment(domain.UUIDString(), each.getName(), False, xml)
            for each in _existing(domain.listAllSnapshots)
            for xml in _existing(each.getXMLDesc, 0)]


def _checkpoints(domain: Any, connection: object) -> list[Moment]:
    return [Moment(domain.UUIDString(), each.getName(), True, xml)
            for each in _existing(domain.listAllCheckpoints)
            for xml in _existing(each.getXMLDesc, 0)]


def _version(number: int) -> str:
    return f'{number // 10**6}.{number // 1000 % 1000}.{number % 1000}'


def _existing(ask: Callable[..., Any], *arguments: int) -> list[Any]:
    """Return what there is, as a list: a driver may know no such things.

    What was there a moment ago may be gone.
    """
    try:
        found = ask(*arguments)
        return found if isinstance(found, list) else [found]
    except libvirt.libvirtError as error:
        if error.get_error_code() in (
                libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_NO_DOMAIN,
                libvirt.VIR_ERR_NO_STORAGE_POOL,
                libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT,
                libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT):
            return []
        raise
