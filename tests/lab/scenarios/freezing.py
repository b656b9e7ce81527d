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

"""A guest that stands still, and what it does not learn meanwhile."""

from __future__ import annotations

import contextlib
import signal
from typing import Iterable, Iterator

import psutil

from lab import ceph
from lab import guests
from lab import mons
from lab import services

SEEN_WITHIN = 120


@contextlib.contextmanager
def frozen(guest: guests.Guest, cluster: ceph.Cluster) -> Iterator[None]:
    """Stop a guest's process and end its session with its monitor.

    Without the second, the news of other monitors would wait in the guest's
    socket until the guest thaws. What the OSD says of the guest proves
    nothing: it forgets a client that has stood still for half a minute.
    """
    client = cluster.client(guest.image)
    before = cluster.strays()
    process = psutil.Process(guest.pid)
    process.send_signal(signal.SIGSTOP)
    try:
        for monitor in cluster.monitors():
            if connections(guest, mons.first_addresses([monitor])):
                cluster.restart(monitor)
        services.wait_for(lambda: client not in cluster.known(), SEEN_WITHIN)
        services.wait_for(lambda: cluster.strays() - before <= {client},
                          SEEN_WITHIN)
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def connections(guest: guests.Guest,
                monitors: Iterable[tuple[str, int]]) -> set[str]:
    """Return those of the monitors' hosts that its process is connected to."""
    found = {connection.raddr.ip for connection
             in psutil.Process(guest.pid).net_connections()
             if connection.status == psutil.CONN_ESTABLISHED}
    return found & {host for host, _ in monitors}
