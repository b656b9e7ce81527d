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

"""A connection to libvirt, and what its errors mean."""

from __future__ import annotations

from concurrent import futures
import contextlib
import functools
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


class Connection:
    """An open connection, without any call for one domain.

    :raises ConfigError: libvirt's Python module is not installed
    :raises Unreachable: nobody answers there, or lets us in
    """

    def __init__(self, uri: str):
        self._uri = _without_secrets(uri)
        self._connection = _open(uri, self._uri)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(libvirt.libvirtError):
            self._connection.close()

    def hostname(self) -> str:
        """Return the host's name as libvirt knows it."""
        return self.call(lambda connection: str(connection.getHostname()))

    def call(self, function: Callable[[Any], R]) -> R:
        """Call a function with libvirt's own connection."""
        with self._connection_errors():
            return function(self._connection)

    def concurrently(self, function: Callable[[T], R],
                     items: Iterable[T]) -> list[R]:
        """Call a function that waits for libvirt with each of many items.

        :returns: the results in the order of the items
        """
        with futures.ThreadPoolExecutor(_CALLS_AT_ONCE) as threads:
            return list(threads.map(function, items))

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


def _open(uri: str, shown: str) -> Any:
    if _IMPORT_ERROR is not None:
        raise exceptions.ConfigError(
            f"Python cannot load libvirt's module: {_IMPORT_ERROR}.",
            'Install the package python3-libvirt, or run '
            '"pip install libvirt-python".') from _IMPORT_ERROR
    libvirt.registerErrorHandler(_say_nothing, None)
    if parse.urlsplit(uri).path == '/embed':
        _run_event_loop()
    try:
        return libvirt.open(uri)
    except libvirt.libvirtError as error:
        raise _unreachable(shown, _words(error).replace(uri, shown)) \
            from None


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
