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

"""The door to libvirt."""

from __future__ import annotations

from concurrent import futures
import contextlib
import dataclasses
import functools
import itertools
import threading
from typing import Any, Callable, Iterable, Iterator, Optional, TypeVar
from urllib import parse

from rbd_mon_fix import exceptions

try:
    import libvirt
    _IMPORT_ERROR: Optional[ImportError] = None
except ImportError as _error:
    _IMPORT_ERROR = _error

# A libvirtd answers five calls of one client at once (max_client_requests
# in its libvirtd.conf) and lets the others wait.
_CALLS_AT_ONCE = 4

T = TypeVar('T')
R = TypeVar('R')


class Declined(exceptions.RbdMonFixError):
    """Libvirt was reached, and would not do it for one domain."""


@dataclasses.dataclass(frozen=True)
class Domain:
    """A domain as libvirt lists it.

    :param persistent: it stays defined when it is stopped
    :param active: it has a QEMU process
    :param paused: its process stands still
    :param saved: it has a managed-save image
    """

    uuid: str
    name: str
    persistent: bool
    active: bool
    paused: bool
    saved: bool


def connect(uri: str) -> Hypervisor:
    """Open a connection to libvirt that may write.

    :raises ConfigError: libvirt's Python module is not installed
    :raises Unreachable: nobody answers there, or lets us in
    """
    if _IMPORT_ERROR is not None:
        raise exceptions.ConfigError(
            f"Python cannot load libvirt's module: {_IMPORT_ERROR}.",
            'Install the package python3-libvirt, or run '
            '"pip install libvirt-python".') from _IMPORT_ERROR
    libvirt.registerErrorHandler(_say_nothing, None)
    if parse.urlsplit(uri).path == '/embed':
        _run_event_loop()
    shown = _without_secrets(uri)
    try:
        return Hypervisor(libvirt.open(uri), shown)
    except libvirt.libvirtError as error:
        raise _unreachable(shown, _words(error).replace(uri, shown)) \
            from None


class Hypervisor:
    """An open connection; made by ``connect``.

    Its calls may be made from several threads. Those for one domain raise
    ``Gone`` when there is no such domain, ``Declined`` when libvirt does
    not do it for that domain, ``Unreachable`` when the connection is lost.
    """

    def __init__(self, connection: Any, uri: str):
        self._connection = connection
        self._uri = uri
        self._handles: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(libvirt.libvirtError):
            self._connection.close()

    def hostname(self) -> str:
        """Return the host's name as libvirt knows it."""
        with self._connection_errors():
            return str(self._connection.getHostname())

    def domains(self) -> list[Domain]:
        """List all domains: one call a property, whatever their number."""
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

    def inactive_xml(self, uuid: str) -> str:
        """Return the XML of the next start, as ``define`` needs it.

        Without SECURE it would lack passwords, and a define lose them.
        """
        flags = (libvirt.VIR_DOMAIN_XML_INACTIVE
                 | libvirt.VIR_DOMAIN_XML_SECURE)
        with self._domain_errors():
            return str(self._handle(uuid).XMLDesc(flags))

    def live_xml(self, uuid: str) -> str:
        """Return the XML of the running process."""
        with self._domain_errors():
            return str(self._handle(uuid).XMLDesc(0))

    def persistent(self, uuid: str) -> bool:
        """Tell whether the domain stays defined when it is stopped."""
        with self._domain_errors():
            return bool(self._handle(uuid).isPersistent())

    def active(self, uuid: str) -> bool:
        """Tell whether the domain runs."""
        with self._domain_errors():
            return bool(self._handle(uuid).isActive())

    def has_block_job(self, uuid: str, device: str) -> bool:
        """Tell whether a block job runs on a disk of a domain."""
        with self._domain_errors():
            try:
                return bool(self._handle(uuid).blockJobInfo(device, 0))
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
                    return False  # it is not running
                raise

    def define(self, xml: str) -> None:
        """Define a domain, or replace the XML of its next start."""
        with self._domain_errors():
            self._connection.defineXML(xml)

    def concurrently(self, function: Callable[[T], R],
                     items: Iterable[T]) -> list[R]:
        """Call a function that waits for libvirt with each of many items.

        :returns: the results in the order of the items
        """
        todo = list(items)
        # A lot a thread: handing over each result costs as much as a call.
        size = max(1, -(-len(todo) // _CALLS_AT_ONCE))
        lots = [todo[start:start + size]
                for start in range(0, len(todo), size)]
        with futures.ThreadPoolExecutor(_CALLS_AT_ONCE) as threads:
            done = threads.map(lambda lot: list(map(function, lot)), lots)
            return list(itertools.chain.from_iterable(done))

    def _uuids(self, flag: int) -> set[str]:
        return {handle.UUIDString()
                for handle in self._connection.listAllDomains(flag)}

    def _handle(self, uuid: str) -> Any:
        """Return libvirt's object; it is no more than the UUID and a name.

        Each call looks the domain up on the other side, so an old object
        serves as well as a new one and saves a round trip.
        """
        if uuid not in self._handles:
            self._handles[uuid] = self._connection.lookupByUUIDString(uuid)
        return self._handles[uuid]

    @contextlib.contextmanager
    def _connection_errors(self) -> Iterator[None]:
        try:
            yield
        except libvirt.libvirtError as error:
            raise _unreachable(self._uri, _words(error)) from None

    @contextlib.contextmanager
    def _domain_errors(self) -> Iterator[None]:
        try:
            yield
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                raise exceptions.Gone(
                    'Libvirt has no such domain.') from None
            if self._is_lost(error):
                raise _unreachable(self._uri, _words(error)) from None
            raise Declined(f'libvirt says: {_words(error)}') from None

    def _is_lost(self, error: Any) -> bool:
        if error.get_error_domain() == libvirt.VIR_FROM_RPC:
            return True
        try:
            return not self._connection.isAlive()
        except libvirt.libvirtError:
            return True


@functools.lru_cache(maxsize=None)
def _run_event_loop() -> None:
    """Run libvirt's event loop, once: its QEMU driver in us needs one."""
    libvirt.virEventRegisterDefaultImpl()

    def run() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=run, name='libvirt-events', daemon=True).start()


def _say_nothing(context: object, error: object) -> None:
    """Take the place of libvirt's own handler, which prints on stderr."""


def _words(error: Any) -> str:
    """Return libvirt's message; a second line may quote the XML."""
    lines = (error.get_error_message() or str(error)).splitlines()
    return lines[0].rstrip('.') if lines else 'no reason given'


def _without_secrets(uri: str) -> str:
    parts = parse.urlsplit(uri)
    host = parts.netloc.rpartition('@')[2]
    return f'{parts.scheme}://{host}{parts.path}'


def _unreachable(uri: str, words: str) -> exceptions.Unreachable:
    return exceptions.Unreachable(
        f'Libvirt at {uri} cannot be used: {words}.',
        'Check that libvirtd (or virtqemud) runs there, that this user may '
        'use it, and the option --libvirt-uri.')
