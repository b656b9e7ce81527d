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

"""A connection to libvirt, and the translation of libvirt's errors."""

from __future__ import annotations

import contextlib
import functools
import threading
from typing import Any, Callable, Iterable, Iterator, Optional, TypeVar, cast
from urllib import parse

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt_events
from rbd_mon_fix.clients import libvirt_watch
from rbd_mon_fix.clients import waiting
from rbd_mon_fix.clients import xml_files

try:
    import libvirt
    _IMPORT_ERROR: Optional[ImportError] = None
except ImportError as _error:
    _IMPORT_ERROR = _error

# A libvirtd handles five calls of a client at a time (max_client_requests
# in libvirtd.conf); further calls wait.
_CALLS_AT_ONCE = 4

# Seconds to open a connection: a command ends within ten, its own start
# included. ssh may ask for a password.
_LIMIT = 9
_SSH_LIMIT = 60
# Seconds between two messages that libvirt must answer, and how many may
# remain without an answer: a silent libvirt is lost after nine seconds
# (src/rpc/virkeepalive.c). Its event loop answers, even if it is busy.
_KEEPALIVE = 3, 2

T = TypeVar('T')
R = TypeVar('R')
Method = TypeVar('Method', bound=Callable[..., Any])


class Declined(exceptions.RbdMonFixError):
    """Libvirt refused a call for one domain or secret."""


def interruptible(method: Method) -> Method:
    """Make Ctrl-C end a method that waits for libvirt.

    Only the main thread gets signals.
    """
    @functools.wraps(method)
    def run(*arguments: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return method(*arguments)
        return waiting.answer(functools.partial(method, *arguments))
    return cast(Method, run)


class Connection:
    """An open connection; calls for domains are in subclasses.

    :raises ConfigError: libvirt's Python module is not installed
    :raises Unreachable: libvirt does not answer, or denies access
    """

    def __init__(self, uri: str):
        self._uri = _without_secrets(uri)
        self._connection = open_uri(uri)
        self._folder = xml_files.folder(uri)
        self._hostname: Optional[str] = None
        self._watch = libvirt_watch.SharedWatch(
            lambda: libvirt_events.DomainWatch(
                self._connection, self.versions, self._folder))

    def close(self) -> None:
        """Close the connection; leave one open that does not answer."""
        with contextlib.suppress(libvirt.libvirtError):
            try:
                waiting.answer(self._connection.close, waiting.GRACE)
                libvirt_events.loop().release(self._connection)
            except waiting.Silent:
                self._connection._o = None  # __del__ would close it, and wait

    @interruptible
    def hostname(self) -> str:
        """Return the host's name as libvirt knows it; queried only once."""
        if self._hostname is None:
            with self._connection_errors():
                self._hostname = str(self._connection.getHostname())
        return self._hostname

    @interruptible
    def versions(self) -> tuple[str, str]:
        """Return the versions of libvirt and of its hypervisor."""
        with self._connection_errors():
            hypervisor = _version(self._connection.getVersion())
            return (_version(self._connection.getLibVersion()),
                    f'{self._connection.getType()} {hypervisor}')

    @interruptible
    def may_define(self) -> bool:
        """Return whether the connection may write.

        The test is a define of XML that is not a domain: a writable
        connection rejects the XML, a read-only one refuses the call before
        parsing (src/libvirt-domain.c). Rules of polkit's access driver for
        single domains apply only when a domain is defined.
        """
        with self._connection_errors():
            try:
                self._connection.defineXML('<none/>')
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

    def concurrently(self, function: Callable[[T], R],
                     items: Iterable[T]) -> list[R]:
        """Call a function that waits for libvirt for many items at once.

        :returns: the results in the order of the items
        """
        return waiting.answers(
            [functools.partial(function, item) for item in items],
            _CALLS_AT_ONCE)

    @contextlib.contextmanager
    def watching(self) -> Iterator[libvirt_events.DomainWatch]:
        """Watch for changes to persistent XML, by any client.

        :raises Declined: libvirt sends no events
        :raises Unreachable: the connection is lost
        """
        with contextlib.ExitStack() as stack:
            with self._domain_errors():
                watch = stack.enter_context(self._watch.begun())
            yield watch

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
            raise Declined(f'libvirt reported: {_words(error)}') from None

    def _is_lost(self, error: Any) -> bool:
        if error.get_error_domain() == libvirt.VIR_FROM_RPC:
            return True
        try:
            return not self._connection.isAlive()
        except libvirt.libvirtError:
            return True


def open_uri(uri: str) -> Any:
    """Open libvirt's own connection, which notices a silent libvirt.

    :raises ConfigError: libvirt's Python module is not installed
    :raises Unreachable: libvirt does not answer, or denies access
    """
    if _IMPORT_ERROR is not None:
        raise exceptions.ConfigError(
            f'Cannot load the Python module libvirt: {_IMPORT_ERROR}.',
            'Install the package python3-libvirt, or run '
            '"pip install libvirt-python".') from _IMPORT_ERROR
    shown = _without_secrets(uri)
    limit = (_SSH_LIMIT if 'ssh' in parse.urlsplit(uri).scheme else _LIMIT)
    libvirt.registerErrorHandler(_print_nothing, None)
    libvirt_events.loop()  # before the connection, which then has events
    try:
        return waiting.answer(lambda: _open(uri), limit)
    except waiting.Silent:
        raise _unreachable(
            shown, f'it did not answer within {limit} seconds') from None
    except libvirt.libvirtError as error:
        raise _unreachable(shown, _words(error).replace(uri, shown)) \
            from None


def _open(uri: str) -> Any:
    connection = libvirt.open(uri)
    libvirt_events.loop().keep(connection)
    # A driver in this process has no such messages.
    with contextlib.suppress(libvirt.libvirtError):
        connection.setKeepAlive(*_KEEPALIVE)
    return connection


def _print_nothing(context: object, error: object) -> None:
    """Replace libvirt's own handler, which prints to stderr."""


def _version(number: int) -> str:
    return f'{number // 10**6}.{number // 1000 % 1000}.{number % 1000}'


def _words(error: Any) -> str:
    """Return the first line of libvirt's message; the rest may quote XML."""
    lines = (error.get_error_message() or str(error)).splitlines()
    return lines[0].rstrip('.') if lines else 'no reason given'


def _without_secrets(uri: str) -> str:
    try:
        parts = parse.urlsplit(uri)
    except ValueError:
        raise exceptions.ConfigError(
            'The URI of libvirt is invalid.', 'Correct --libvirt-uri, or '
            'connection_uri in nova.conf.') from None
    host = parts.netloc.rpartition('@')[2]
    return f'{parts.scheme}://{host}{parts.path}'


def _unreachable(uri: str, words: str) -> exceptions.Unreachable:
    return exceptions.Unreachable(
        f'Libvirt at {uri} cannot be used: {words}.',
        'Check that libvirtd (or virtqemud) is running there, that this '
        'user may connect to it, and that --libvirt-uri is right.')
