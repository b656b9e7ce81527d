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

"""Libvirt's events: which domains are defined, also by other clients."""

from __future__ import annotations

import collections
import contextlib
import enum
import functools
import threading
from typing import Any, Callable, Collection, Iterator, Optional

from rbd_mon_fix.clients import xml_files

# The connection reports a module that is not installed.
with contextlib.suppress(ImportError):
    import libvirt

# Seconds between turns of the event loop. Libvirt wakes the loop up for each
# call of each connection, and each turn needs Python's interpreter lock: with
# no pause, four threads make calls at a third of their speed.
_PAUSE = 0.02
# Seconds to wait for an event of a define that libvirt has confirmed.
_LIMIT = 5.0

_STARTING = threading.Lock()


class DomainEvent(enum.Enum):
    """What happened to a domain's persistent XML."""

    DEFINED = 'defined'
    UNDEFINED = 'undefined'
    METADATA = 'title, description or metadata changed'


class Loop:
    """Libvirt's event loop, in a thread; a process can have only one."""

    def __init__(self) -> None:
        self._hurry = threading.Event()
        self._hurried = 0
        self._counting = threading.Lock()
        self._kept: list[Any] = []
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=self._run, name='libvirt-events',
                         daemon=True).start()

    def _run(self) -> None:
        while True:
            libvirt.virEventRunDefaultImpl()
            self._hurry.wait(_PAUSE)

    def keep(self, connection: Any) -> None:
        """Keep a connection until ``release``, even when the process exits.

        Python's own end would close the connection, and wait for an answer
        for ever: the loop no longer turns then, and nothing notices that
        libvirt is silent. What a daemon thread holds is never deleted.
        """
        self._kept.append(connection)

    def release(self, connection: Any) -> None:
        """Forget a connection that is closed."""
        self._kept.remove(connection)

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Run the loop without pauses, until the last thread is through."""
        with self._counting:
            self._hurried += 1
            self._hurry.set()
        try:
            yield
        finally:
            with self._counting:
                self._hurried -= 1
                if not self._hurried:
                    self._hurry.clear()

    def drain(self) -> bool:
        """Wait until events that have reached this process are delivered.

        Libvirt delivers events in a timer that runs out at once
        (src/conf/object_event.c, ``virObjectEventStateQueueRemote``), and
        timers that run out run in the order in which they were set.

        :returns: whether they were delivered within the limit
        """
        turned = threading.Event()
        timer = libvirt.virEventAddTimeout(
            0, lambda timer, opaque: turned.set(), None)
        try:
            return turned.wait(_LIMIT)
        finally:
            libvirt.virEventRemoveTimeout(timer)


def loop() -> Loop:
    """Return the event loop; the first of all threads that call starts it.

    Connections that are opened later have events. Libvirtd sends keepalive
    messages on such connections, which the loop answers.
    """
    with _STARTING:
        return _loop()


@functools.lru_cache(maxsize=None)
def _loop() -> Loop:
    return Loop()


class DomainWatch:
    """The events of domains since libvirt began to send them.

    Several threads may call the methods.

    :param connection: libvirt's object
    :param call: makes any call that the server answers
    :param folder: where this libvirt keeps its XML, if known
    """

    def __init__(self, connection: Any, call: Callable[[], object],
                 folder: Optional[str] = None):
        self.files = xml_files.Replacements(folder)
        self._connection = connection
        self._call = call
        self._ids: list[int] = []
        self._news = threading.Condition()
        self._events: dict[str, list[DomainEvent]] = (
            collections.defaultdict(list))

    def start(self) -> None:
        """Ask libvirt for events."""
        for event, callback in (
                (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle),
                (libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                 self._metadata)):
            self._ids.append(self._connection.domainEventRegisterAny(
                None, event, callback, None))

    def stop(self) -> None:
        """Ask libvirt for no more events; they would keep it connected."""
        self.files.close()
        while self._ids:
            with contextlib.suppress(libvirt.libvirtError):
                self._connection.domainEventDeregisterAny(self._ids.pop())

    def note(self, uuid: str, event: DomainEvent) -> None:
        """Take an event of a domain."""
        with self._news:
            self._events[uuid].append(event)
            self._news.notify_all()

    def begin(self, uuid: str) -> None:
        """Forget the events of a domain that have arrived so far."""
        with self._news:
            self._events.pop(uuid, None)

    def events(self, uuid: str) -> list[DomainEvent]:
        """Return the events of a domain, in libvirt's order."""
        with self._news:
            return list(self._events.get(uuid, ()))

    def catch_up(self, defined: Collection[str]) -> None:
        """Wait until the events of all that was done have arrived.

        An event may be sent after the answer to the call that caused it,
        but not after the answer to the second call from then on: libvirtd
        queues the event before the answer, and sends it in the next turn
        of its event loop, which also reads the calls.

        No event is known afterwards if the event loop does not turn within
        the limit.

        :param defined: the UUIDs of domains that were defined since
            ``begin``; an event of each is waited for, up to a limit
        :raises Unreachable: the connection is lost
        """
        with loop().hurried():
            with self._news:
                self._news.wait_for(
                    lambda: all(map(self._events.get, defined)), _LIMIT)
            for _ in range(2):
                self._call()
            if not loop().drain():
                with self._news:
                    self._events.clear()

    def _lifecycle(self, connection: Any, domain: Any, event: int,
                   detail: int, opaque: object) -> None:
        if event == libvirt.VIR_DOMAIN_EVENT_DEFINED:
            self.note(domain.UUIDString(), DomainEvent.DEFINED)
        elif event == libvirt.VIR_DOMAIN_EVENT_UNDEFINED:
            self.note(domain.UUIDString(), DomainEvent.UNDEFINED)

    def _metadata(self, connection: Any, domain: Any, kind: int,
                  namespace: object, opaque: object) -> None:
        self.note(domain.UUIDString(), DomainEvent.METADATA)
