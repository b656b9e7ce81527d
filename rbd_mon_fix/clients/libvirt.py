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

"""A connection to libvirt: domains."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from typing import Any, Callable, Collection, Sequence, TypeVar

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt_connection
from rbd_mon_fix.clients import libvirt_jobs
from rbd_mon_fix.clients import libvirt_monitor
from rbd_mon_fix.clients import waiting

# The connection reports a module that is not installed.
with contextlib.suppress(ImportError):
    import libvirt

Busy = libvirt_jobs.Busy
Declined = libvirt_connection.Declined
Unanswered = libvirt_monitor.Unanswered
interruptible = libvirt_connection.interruptible

R = TypeVar('R')


@dataclasses.dataclass(frozen=True)
class Domain:
    """A domain as libvirt lists it.

    :param persistent: the domain stays defined when it is stopped
    :param active: the domain has a QEMU process
    :param paused: the process is paused
    :param saved: the domain has a managed-save image
    """

    uuid: str
    name: str
    persistent: bool
    active: bool
    paused: bool
    saved: bool


def connect(uri: str) -> Hypervisor:
    """Open a connection to libvirt for reading and writing.

    :raises ConfigError: libvirt's Python module is not installed
    :raises Unreachable: libvirt does not answer, or denies access
    """
    return Hypervisor(uri)


class Hypervisor(libvirt_monitor.Monitors):
    """An open connection; made by ``connect``.

    Several threads may call the methods. Methods for one domain raise
    ``Gone`` if the domain does not exist, ``Declined`` if libvirt refuses
    the call for the domain, ``Busy`` if the call waits for a job,
    ``Unreachable`` if the connection is lost.
    """

    def __init__(self, uri: str):
        super().__init__(uri)
        self._handles: dict[str, Any] = {}
        self._jobs = libvirt_jobs.Jobs(self.at_work)

    def close(self) -> None:
        """Close the connection; its domains would keep it open."""
        self._handles.clear()
        super().close()

    def domain_by_domain(self, function: Callable[[str], R],
                         uuids: Sequence[str],
                         running: Collection[str]) -> list[R]:
        """Call a function that reads a domain for many domains at once.

        Domains with a job come last, so that no other waits for them; a lone
        domain is not asked for one.

        :param running: the running domains; others have no job
        :returns: the results in the order of the UUIDs
        """
        asked = [uuid for uuid in uuids
                 if uuid in running and len(uuids) > 1]
        last = {uuid for uuid, found in zip(
            asked, self.concurrently(self._jobs.found, asked)) if found}
        parts = ([uuid for uuid in uuids if uuid not in last], sorted(last))
        results = dict(zip(parts[0], self.concurrently(function, parts[0])))
        results.update(zip(parts[1], waiting.answers(
            [functools.partial(function, uuid) for uuid in parts[1]],
            libvirt_jobs.AT_ONCE)))
        return [results[uuid] for uuid in uuids]

    @interruptible
    def domains(self) -> list[Domain]:
        """List all domains, with one call for each property."""
        with self._connection_errors():
            self._handles = {handle.UUIDString(): handle
                             for handle in self._connection.listAllDomains(0)}
            transient = self._uuids(libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT)
            active = self._uuids(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            paused = self._uuids(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED)
            saved = self._uuids(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
            return [Domain(uuid, handle.name(), uuid not in transient,
                           uuid in active, uuid in paused, uuid in saved)
                    for uuid, handle in self._handles.items()]

    @interruptible
    def running(self) -> set[str]:
        """Return the UUIDs of the domains that have a QEMU process."""
        with self._connection_errors():
            return self._uuids(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)

    @interruptible
    def saved(self) -> set[str]:
        """Return the UUIDs of the domains with a managed-save image."""
        with self._connection_errors():
            return self._uuids(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)

    @interruptible
    def inactive_xml(self, uuid: str) -> str:
        """Return the XML of the next start, as ``define`` needs it.

        Without SECURE, the XML lacks passwords, and a define loses them.
        """
        flags = (libvirt.VIR_DOMAIN_XML_INACTIVE
                 | libvirt.VIR_DOMAIN_XML_SECURE)
        with self._domain_errors():
            return self._xml(uuid, flags)

    @interruptible
    def live_xml(self, uuid: str) -> str:
        """Return the XML of the running process."""
        with self._domain_errors():
            return self._xml(uuid, 0)

    @interruptible
    def persistent(self, uuid: str) -> bool:
        """Return whether the domain stays defined when it is stopped."""
        with self._domain_errors():
            return bool(self._handle(uuid).isPersistent())

    @interruptible
    def active(self, uuid: str) -> bool:
        """Return whether the domain is running."""
        with self._domain_errors():
            return bool(self._handle(uuid).isActive())

    @interruptible
    def has_block_job(self, uuid: str, device: str) -> bool:
        """Return whether a block job runs on a disk of a domain."""
        with self._domain_errors():
            try:
                return bool(self._jobs.answer(
                    uuid, lambda: self._handle(uuid).blockJobInfo(device, 0)))
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
                    return False  # the domain is not running
                raise

    @interruptible
    def at_work(self, uuid: str) -> bool:
        """Return whether libvirt is in the middle of a call for a domain.

        While it attaches or detaches a device, libvirt waits for QEMU's
        monitor; it does not wait for a monitor that has failed
        (src/qemu/qemu_driver.c, ``qemuDomainGetControlInfo``).
        """
        with self._domain_errors():
            try:
                state, details, _ = self._handle(uuid).controlInfo(0)
            except libvirt.libvirtError as error:
                if error.get_error_code() in (
                        libvirt.VIR_ERR_OPERATION_INVALID,  # not running
                        libvirt.VIR_ERR_NO_SUPPORT):  # not the QEMU driver
                    return False
                raise
        return bool(
            state != libvirt.VIR_DOMAIN_CONTROL_OK
            and details != libvirt.VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR)

    @interruptible
    def define(self, xml: str) -> None:
        """Define a domain, or replace the XML of its next start."""
        with self._domain_errors():
            self._connection.defineXML(xml)

    @interruptible
    def managed_save_xml(self, uuid: str) -> str:
        """Return the XML in the managed-save image of a domain.

        :raises Gone: the domain or its image does not exist
        :raises Declined: the image is damaged
        """
        with self._domain_errors():
            handle = self._handle(uuid)
            if not handle.hasManagedSaveImage(0):
                raise exceptions.Gone(
                    'The domain has no managed-save image.')
            return str(handle.managedSaveGetXMLDesc(
                libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE))

    @interruptible
    def define_managed_save(self, uuid: str, xml: str) -> None:
        """Replace the XML in the managed-save image of a domain.

        Without a flag, the domain resumes in the saved state, running or
        paused.

        :raises Declined: the XML is too long for the image, or describes
            another guest; the image is unchanged
        """
        with self._domain_errors():
            self._handle(uuid).managedSaveDefineXML(xml, 0)

    def _xml(self, uuid: str, flags: int) -> str:
        return str(self._jobs.answer(
            uuid, lambda: self._handle(uuid).XMLDesc(flags)))

    def _uuids(self, flag: int) -> set[str]:
        return {handle.UUIDString()
                for handle in self._connection.listAllDomains(flag)}

    def _handle(self, uuid: str) -> Any:
        """Return libvirt's object, which is only a UUID and a name.

        The server looks the domain up for each call, so a kept object
        works as well as a new one, and saves a round trip.
        """
        if uuid not in self._handles:
            self._handles[uuid] = self._connection.lookupByUUIDString(uuid)
        return self._handles[uuid]
