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

"""``refresh`` against a bare script that does the same writes.

libvirtd, MariaDB and the schemas of Nova and Cinder are real.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any, Iterator, Mapping

import libvirt
import sqlalchemy as sa

from benchmarks import bare
from benchmarks import processes
from benchmarks.figures import Figure
from tests.cloud import config
from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import rows
from tests.cloud import shape

BOUND = 1.5
SCRIPT = str(pathlib.Path(bare.__file__))

# NULL stands for mappings of Nova's own disks.
QUERIES = {
    'cell': 'SELECT id, connection_info FROM block_device_mapping'
            ' WHERE connection_info IS NOT NULL',
    'cinder': 'SELECT id, connection_info FROM volume_attachment'}

Texts = Mapping[str, Any]


def figures(folder: pathlib.Path, databases: databases_module.Databases,
            libvirt_uri: str, servers: int, rounds: int) -> Iterator[Figure]:
    """Measure a refresh of a host whose servers have three stale disks each.

    :param folder: an empty working folder
    :param databases: with their schema but no rows
    :param libvirt_uri: of a daemon without domains
    :param servers: the number of servers
    :param rounds: the number of measurements of each
    """
    urls = {'cell': databases.cell, 'cinder': databases.cinder,
            'libvirt': libvirt_uri}
    folder.mkdir(parents=True)
    _build(folder, databases, libvirt_uri, servers)
    refresh = processes.ours(
        '--config-file', str(folder / 'rbd-mon-fix.conf'),
        '--libvirt-uri', libvirt_uri, 'refresh', '--host', shape.HOSTS[0])
    stale = _read(urls)
    processes.run(refresh)
    right = _read(urls)
    _check(stale, right)
    work = folder / 'work.json'
    work.write_text(json.dumps({'urls': urls, 'texts': right}))

    def measure(command: processes.Command) -> float:
        bare.write(urls, stale)
        seconds = processes.seconds(command)
        if _read(urls) != right:
            raise RuntimeError(f'not all was written by {" ".join(command)}')
        return seconds

    yield processes.compare(
        f'refresh of {servers} servers / bare writes', BOUND, rounds,
        lambda: measure(refresh),
        lambda: measure(processes.python(SCRIPT, str(work))))


def _build(folder: pathlib.Path, databases: databases_module.Databases,
           libvirt_uri: str, number: int) -> None:
    servers = shape.many(number)
    config.write(folder, databases)
    rows.write(databases, servers)
    hypervisor = libvirt.open(libvirt_uri)
    for server in servers:
        hypervisor.defineXML(documents.domain_xml(server))
    hypervisor.close()


def read_databases(urls: Mapping[str, str]) -> dict[str, Any]:
    """Return the documents of both databases, by the ids of their rows.

    :param urls: of the databases
    """
    texts: dict[str, Any] = {}
    for name, query in QUERIES.items():
        engine = sa.create_engine(urls[name])
        with engine.connect() as connection:
            texts[name] = dict(sorted(map(tuple, connection.execute(
                sa.text(query)))))
        engine.dispose()
    return texts


def _read(urls: Mapping[str, str]) -> Texts:
    texts = read_databases(urls)
    hypervisor = libvirt.open(urls['libvirt'])
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    texts['domains'] = sorted(
        domain.XMLDesc(flags) for domain in hypervisor.listAllDomains())
    hypervisor.close()
    return texts


def _check(stale: Texts, right: Texts) -> None:
    """Assert that there was work to do and that all of it was done."""
    for name, texts in right.items():
        words = texts if name == 'domains' else list(texts.values())
        if any(monitor in text for text in words
               for monitor in shape.ALPHA.old):
            raise RuntimeError(f'the refresh left something in {name}')
        if not words or stale[name] == texts:
            raise RuntimeError(f'there was nothing to do in {name}')
