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

"""Links to the libvirts of other hosts, as slow as a network.

Each is a port of the loopback interface that leads to a socket of a libvirtd
and delays what passes. It stands for ``tc netem``, which not every kernel has.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Iterator, Mapping

PORT = 16509
_BLOCK = 1 << 16
_READY_WITHIN = 30.0


@contextlib.contextmanager
def links(sockets: Mapping[str, str], round_trip: float) -> Iterator[None]:
    """Open a link to each socket for the duration of the context.

    :param sockets: the path of a socket for each address to listen on
    :param round_trip: seconds, of which each direction takes one half
    """
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> None:
        for address, path in sockets.items():
            await asyncio.start_server(
                _Link(path, round_trip / 2).accept, address, PORT)
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        if not ready.wait(_READY_WITHIN):
            raise RuntimeError('the links to libvirt cannot be opened')
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class _Link:
    """Connections to one socket."""

    def __init__(self, path: str, delay: float):
        self._path = path
        self._delay = delay

    async def accept(self, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        """Pass everything on, in both directions."""
        far_reader, far_writer = await asyncio.open_unix_connection(
            self._path)
        await asyncio.gather(self._pass_on(reader, far_writer),
                             self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader,
                       writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(_BLOCK):
                loop.call_later(self._delay, writer.write, block)
        loop.call_later(self._delay, writer.close)
