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

"""How seconds and memory of a refresh grow with the servers of a host.

Each size has a host of its own, with a libvirtd and the rows of one cell.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import statistics
from typing import Any, Iterator, Mapping

import libvirt

from benchmarks import bare
from benchmarks import libvirtd
from benchmarks import processes
from benchmarks import refresh
from benchmarks.figures import Point
from tests.cloud import config
from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import rows
from tests.cloud import shape

SIZES = (50, 100, 200, 400, 800)
OURS, BARE = 'rbd-mon-fix refresh', 'bare writes'
SCRIPT = str(pathlib.Path(bare.__file__))

Texts = Mapping[str, Any]


def points(folder: pathlib.Path, databases: databases_module.Databases,
           rounds: int) -> Iterator[Point]:
    """Measure a refresh of hosts of several sizes.

    :param folder: an empty working folder
    :param databases: with their schema but no rows
    :param rounds: the number of measurements of each
    """
    folder.mkdir(parents=True)
    config.write(folder, databases)
    hosts = {f'cmp{size}': [
        shape.Server(f'cmp{size}-{number}', tuple(
            shape.stale(f'cmp{size}-{number}-{volume}')
            for volume in range(2)), shape.ALPHA.old, host=f'cmp{size}')
        for number in range(size)] for size in SIZES}
    rows.write(databases, [
        server for servers in hosts.values() for server in servers])
    for host, servers in hosts.items():
        with libvirtd.running(host) as uri:
            yield from _Host(folder, databases, host, uri, servers).measure(
                rounds)


class _Host:
    """A host whose servers have three stale disks each."""

    def __init__(self, folder: pathlib.Path,
                 databases: databases_module.Databases, host: str, uri: str,
                 servers: list[shape.Server]):
        self._size = len(servers)
        self._urls = {'cell': databases.cell, 'cinder': databases.cinder,
                      'libvirt': uri}
        self._ours = processes.ours(
            '--config-file', str(folder / 'rbd-mon-fix.conf'),
            '--libvirt-uri', uri, 'refresh', '--host', host)
        with contextlib.closing(libvirt.open(uri)) as hypervisor:
            for server in servers:
                hypervisor.defineXML(documents.domain_xml(server))
        before = bare.read(self._urls)
        processes.run(self._ours)
        after = bare.read(self._urls)
        refresh.check(before, after, leftovers=False)
        self._stale = _changed(before, after)
        self._right = _changed(after, before)
        work = folder / f'{host}.json'
        work.write_text(json.dumps({
            'urls': self._urls, 'texts': self._right}))
        self._bare = processes.python(SCRIPT, 'write', str(work))

    def measure(self, rounds: int) -> Iterator[Point]:
        """Measure both in turn."""
        commands = {OURS: self._ours, BARE: self._bare}
        seconds: dict[str, list[float]] = {who: [] for who in commands}
        for _ in range(rounds):
            for who, command in commands.items():
                bare.write(self._urls, self._stale)
                seconds[who].append(processes.seconds(command))
        for who, command in commands.items():
            bare.write(self._urls, self._stale)
            yield Point(who, self._size, statistics.median(seconds[who]),
                        processes.peak(command, [0]))


def _changed(texts: Texts, others: Texts) -> Texts:
    """Return the texts that differ from others."""
    known = set(others['domains'])
    return {
        'domains': [text for text in texts['domains'] if text not in known],
        **{name: {key: text for key, text in texts[name].items()
                  if others[name][key] != text}
           for name in bare.QUERIES}}
