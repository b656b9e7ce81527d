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

"""The clients that have images open, and their sessions on monitors."""

from __future__ import annotations

import dataclasses
from typing import Mapping

from rbd_mon_fix.model.guest import GuestState


@dataclasses.dataclass(frozen=True, order=True)
class Image:
    """An RBD image.

    :param namespace: '' for the pool's default namespace
    """

    pool: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return '/'.join(filter(None, (self.pool, self.namespace, self.name)))


@dataclasses.dataclass(frozen=True, order=True)
class Watcher:
    """A client that has an image open: QEMU, a kernel, or a service.

    :param client: its global id, which a monitor gave it
    :param address: ``host:port/nonce``, as Ceph writes it
    """

    image: Image
    client: int
    address: str


@dataclasses.dataclass(frozen=True)
class Reading:
    """The watchers and the sessions of a cluster at one time.

    :param sessions: the clients of each monitor that answered, by name
    :param silent: why a monitor did not tell its clients, by name
    :param unread: why the watchers of an image are unknown
    """

    watchers: frozenset[Watcher]
    sessions: Mapping[str, frozenset[int]]
    silent: Mapping[str, str]
    unread: Mapping[Image, str]

    def monitors(self, watcher: Watcher) -> frozenset[str]:
        """Return the monitors on which a watcher has a session."""
        return frozenset(name for name, clients in self.sessions.items()
                         if watcher.client in clients)


@dataclasses.dataclass(frozen=True)
class WatcherReport:
    """A watcher and its sessions.

    :param monitors: the names of the monitors on which it has a session
    :param ready: whether one of these monitors stays
    """

    watcher: Watcher
    monitors: tuple[str, ...]
    state: GuestState
    ready: bool
