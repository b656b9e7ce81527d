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

"""Locks in Nova on the servers of a run."""

from __future__ import annotations

import contextlib
from typing import Iterable, Protocol

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_servers


class LockApi(Protocol):
    """The part of Nova's API that is needed for locks."""

    def locked(self, uuid: str) -> nova_servers.Lock:
        """Return whether a server is locked, and why."""

    def lock(self, uuid: str, reason: str) -> None:
        """Lock a server."""

    def unlock(self, uuid: str) -> None:
        """Unlock a server."""


class Locks:
    """Locks in Nova; the reason distinguishes our locks from others.

    A server that is already locked keeps its lock and reason. The reason
    alone identifies our locks, so after a crash anyone who knows the run
    and its servers can release them. Reasons need microversion 2.73
    (Nova 20): an older Nova is refused before a server is locked.

    Nova has no compare-and-swap for locks: if somebody locks a server
    between our read and our lock, their reason is lost.
    """

    def __init__(self, api: LockApi):
        self._api = api

    def acquire(self, uuids: Iterable[str], run: str) -> frozenset[str]:
        """Lock servers, and return those with a lock of this run.

        Servers that no longer exist are skipped. On an error, the servers
        locked so far are unlocked.

        :raises ConfigError: the API is too old, or the user may not lock
        :raises Unreachable: the API does not answer
        """
        taken: set[str] = set()
        try:
            for uuid in uuids:
                self._take(uuid, reason(run), taken)
        except BaseException:
            self.release(taken, run)
            raise
        return frozenset(taken)

    def release(self, uuids: Iterable[str], run: str) -> None:
        """Unlock the servers that have a lock of this run.

        :raises ConfigError: the user may not unlock
        :raises Unreachable: the API does not answer; the message lists the
            servers that may still be locked
        """
        left = sorted(uuids)
        while left:
            try:
                self._give_back(left[0], reason(run))
            except exceptions.RbdMonFixError as error:
                raise type(error)(
                    f'{error.message} These servers may still be locked by '
                    f'this run: {", ".join(left)}.',
                    f'{error.hint} For each one, if "openstack server show" '
                    f'prints the lock reason "{reason(run)}", run "openstack '
                    'server unlock".') from error
            left.pop(0)

    def _take(self, uuid: str, ours: str, taken: set[str]) -> None:
        with contextlib.suppress(exceptions.Gone):
            lock = self._api.locked(uuid)
            if lock.locked and lock.reason != ours:
                return
            # Noted before the lock: a request whose response is lost may
            # have locked the server, and noted servers are unlocked.
            taken.add(uuid)
            if not lock.locked:
                self._api.lock(uuid, ours)

    def _give_back(self, uuid: str, ours: str) -> None:
        with contextlib.suppress(exceptions.Gone):
            if self._api.locked(uuid) == nova_servers.Lock(True, ours):
                self._api.unlock(uuid)


def reason(run: str) -> str:
    """Return the reason that a run gives for its locks."""
    return f'rbd-mon-fix {run}'
