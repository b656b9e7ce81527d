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

"""Capabilities, storage pools, snapshots and secrets of libvirt."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from typing import Any, Callable, Iterator
from urllib import parse

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt_connection

# The connection reports a module that is not installed.
with contextlib.suppress(ImportError):
    import libvirt


@dataclasses.dataclass(frozen=True)
class Moment:
    """A snapshot or a checkpoint of a domain.

    Moment is libvirt's term for both (src/conf/virdomainmomentobjlist.h).

    :param xml: contains the domain's XML at that time
    """

    domain: str
    name: str
    is_checkpoint: bool
    xml: str = dataclasses.field(repr=False)


class Objects(libvirt_connection.Connection):
    """A connection that reads objects besides domains.

    All methods raise Unreachable when the connection is lost.
    """

    @libvirt_connection.interruptible
    def rbd_pools(self) -> list[str]:
        """Return the XML of each storage pool of type rbd."""
        with self._connection_errors():
            pools = _existing(self._connection.listAllStoragePools,
                              libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_RBD)
            return [xml for pool in pools
                    for xml in _existing(pool.XMLDesc, 0)]

    @libvirt_connection.interruptible
    def capabilities(self) -> str:
        """Return the XML that describes the host and its security models."""
        with self._connection_errors():
            return str(self._connection.getCapabilities())

    def moments(self) -> Iterator[Moment]:
        """Yield snapshots and checkpoints, one domain at a time.

        For all domains without a snapshot or checkpoint, two calls suffice.
        """
        for flag, read in (
                (libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, _snapshots),
                (libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT,
                 _checkpoints)):
            for domain in self._domains(flag):
                yield from self._moments(read, domain)

    def secret_value(self, uuid: str) -> bytes:
        """Return the value of a secret; for cephx, the decoded key.

        :raises Gone: the secret does not exist, or has no value
        :raises Declined: the secret is private, or this user may not read it
        """
        return self._secret_value(
            uuid, lambda driver: driver.secretLookupByUUIDString(uuid))

    def secret_value_by_usage(self, usage: str) -> bytes:
        """Return the value of the Ceph secret with a usage name.

        :raises Gone: as for ``secret_value``
        :raises Declined: as for ``secret_value``
        """
        return self._secret_value(
            f'with the usage "{usage}"',
            lambda driver: driver.secretLookupByUsage(
                libvirt.VIR_SECRET_USAGE_TYPE_CEPH, usage))

    @libvirt_connection.interruptible
    def _secret_value(self, name: str, look_up: Callable[[Any], Any]) -> bytes:
        """Return a value; libvirt has one code for no secret and no value.

        See libvirt's src/conf/virsecretobj.c, ``virSecretObjGetValue``.
        """
        with self._domain_errors():
            with _gone_without(f'Libvirt has no secret {name}.'):
                secret = look_up(self._secret_driver)
            with _gone_without(f'Libvirt has no value for secret {name}.'):
                return bytes(secret.value(0))

    @functools.cached_property
    def _secret_driver(self) -> Any:
        """Return the connection that has secrets.

        An embedded QEMU driver has no secrets; libvirt itself then opens the
        secret driver (src/driver.c, ``virGetConnectSecret``).
        """
        uri = str(self._connection.getURI())
        if parse.urlsplit(uri).path != '/embed':
            return self._connection
        return libvirt_connection.open_uri(
            f'secret:{uri.partition(":")[2]}')

    @libvirt_connection.interruptible
    def _moments(self, read: Callable[[Any], list[Moment]],
                 domain: Any) -> list[Moment]:
        with self._connection_errors():
            return read(domain)

    @libvirt_connection.interruptible
    def _domains(self, flag: int) -> list[Any]:
        with self._connection_errors():
            return _existing(self._connection.listAllDomains, flag)


@contextlib.contextmanager
def _gone_without(message: str) -> Iterator[None]:
    """Translate libvirt's error for a missing secret or value."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_SECRET:
            raise exceptions.Gone(message) from None
        raise


def _snapshots(domain: Any) -> list[Moment]:
    return [Moment(domain.UUIDString(), each.getName(), False, xml)
            for each in _existing(domain.listAllSnapshots)
            for xml in _existing(each.getXMLDesc, 0)]


def _checkpoints(domain: Any) -> list[Moment]:
    return [Moment(domain.UUIDString(), each.getName(), True, xml)
            for each in _existing(domain.listAllCheckpoints)
            for xml in _existing(each.getXMLDesc, 0)]


def _existing(ask: Callable[..., Any], *arguments: int) -> list[Any]:
    """Return the answer as a list; empty if there is no such object.

    Not all drivers have pools, snapshots or checkpoints, and an object may
    be deleted between two calls.
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
