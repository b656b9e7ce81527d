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

"""``refresh`` of many hosts against the same refresh of each host alone.

Each host has a real libvirtd, behind a link with a round trip of 20 ms.
"""

from __future__ import annotations

import contextlib
import pathlib
import statistics
from typing import Any, Iterator, Mapping
from urllib import parse

import libvirt

from benchmarks import bare
from benchmarks import libvirtd
from benchmarks import processes
from benchmarks import slow_links
from benchmarks.figures import Figure
from tests.cloud import config
from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import rows
from tests.cloud import shape

BOUND = 1.3
HOSTS = 16
SERVERS = 25
PARALLEL = 8
ROUND_TRIP = 0.02
FLAGS = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE

Texts = Mapping[str, Any]


def figures(folder: pathlib.Path, databases: databases_module.Databases,
            rounds: int) -> Iterator[Figure]:
    """Measure a refresh of all hosts, and of each host alone.

    :param folder: an empty working folder
    :param databases: with their schema but no rows
    :param rounds: the number of measurements of all hosts together
    """
    hosts = [f'127.0.2.{number}' for number in range(1, HOSTS + 1)]
    with contextlib.ExitStack() as stack:
        uris = {host: stack.enter_context(libvirtd.running(host))
                for host in hosts}
        stack.enter_context(slow_links.links(
            {host: parse.parse_qs(parse.urlsplit(uri).query)['socket'][0]
             for host, uri in uris.items()}, ROUND_TRIP))
        fleet = _Fleet(folder, databases, uris)
        alone = [fleet.seconds(host) for host in hosts]
        together = [fleet.seconds(*hosts) for _ in range(rounds)]
    ideal = max(alone) * HOSTS / PARALLEL
    yield Figure(
        f'refresh of {HOSTS} hosts / slowest host x {HOSTS // PARALLEL}',
        statistics.median(together) / ideal, BOUND, 'times',
        f'{statistics.median(together):.3f} s, median of {rounds}; alone '
        f'{min(alone):.3f} to {max(alone):.3f} s')


class _Fleet:
    """Hosts whose servers have three stale disks each.

    :param uris: of the libvirt of each host, without its slow link
    """

    def __init__(self, folder: pathlib.Path,
                 databases: databases_module.Databases,
                 uris: Mapping[str, str]):
        self._urls = {'cell': databases.cell, 'cinder': databases.cinder}
        self._uris = uris
        self._config = str(folder / 'rbd-mon-fix.conf')
        folder.mkdir(parents=True)
        config.write(folder, databases)
        servers = [shape.Server(
            f'{host}-{number}', tuple(
                shape.stale(f'{host}-{number}-{volume}')
                for volume in range(2)), shape.ALPHA.old, host=host)
            for host in uris for number in range(SERVERS)]
        rows.write(databases, servers)
        self._domains: dict[str, list[str]] = {host: [] for host in uris}
        for server in servers:
            self._domains[server.host].append(documents.domain_xml(server))
        self._stale = self._read()

    def seconds(self, *hosts: str) -> float:
        """Return the duration of a refresh, which leaves nothing stale."""
        self._restore()
        seconds = processes.seconds(processes.ours(
            '--config-file', self._config,
            '--libvirt-uri', 'qemu+tcp://{host}/system', 'refresh', '--host',
            ','.join(hosts), '--parallel', str(PARALLEL)))
        found = self._read()
        texts = [text for host in hosts for text in found[host]]
        if len(hosts) == HOSTS:
            texts += [*found['cell'].values(), *found['cinder'].values()]
        if any(monitor in text for text in texts
               for monitor in shape.ALPHA.old):
            raise RuntimeError('the refresh left something')
        return seconds

    def _restore(self) -> None:
        bare.write({**self._urls, 'libvirt': 'test:///default'},
                   {**self._stale, 'domains': []})
        for host, texts in self._domains.items():
            with contextlib.closing(libvirt.open(self._uris[host])) as found:
                for text in texts:
                    found.defineXML(text)

    def _read(self) -> Texts:
        found: dict[str, Any] = bare.read_databases(self._urls)
        for host, uri in self._uris.items():
            with contextlib.closing(libvirt.open(uri)) as hypervisor:
                found[host] = [domain.XMLDesc(FLAGS) for domain
                               in hypervisor.listAllDomains()]
        return found
