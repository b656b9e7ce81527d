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

"""``refresh`` and ``status`` against a bare script that only writes or reads.

libvirtd, MariaDB and the schemas of Nova and Cinder are real.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any, Iterator, Mapping

import libvirt

from benchmarks import bare
from benchmarks import processes
from benchmarks.figures import Figure
from tests.cloud import config
from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import rows
from tests.cloud import shape

REFRESH, STATUS = 1.25, 1.5
STALE_FOUND = 1
SCRIPT = str(pathlib.Path(bare.__file__))

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
    stale = bare.read(urls)
    processes.run(refresh)
    right = bare.read(urls)
    check(stale, right)
    work = folder / 'work.json'
    work.write_text(json.dumps({'urls': urls, 'texts': right}))

    def measure(command: processes.Command) -> float:
        bare.write(urls, stale)
        seconds = processes.seconds(command)
        if bare.read(urls) != right:
            raise RuntimeError(f'not all was written by {" ".join(command)}')
        return seconds

    yield processes.compare(
        f'refresh of {servers} servers / bare writes', REFRESH, rounds,
        lambda: measure(refresh),
        lambda: measure(processes.python(SCRIPT, 'write', str(work))))
    bare.write(urls, stale)
    status = [word if word != 'refresh' else 'status' for word in refresh]
    yield processes.compare(
        f'status of {servers} servers / bare reading', STATUS, rounds,
        lambda: processes.seconds(status, [STALE_FOUND]),
        lambda: processes.seconds(processes.python(
            SCRIPT, 'read', str(work))))
    yield processes.compare(
        f'imports, reading and parsing of {servers} servers / bare reading',
        None, rounds,
        *(lambda act=act: processes.seconds(processes.python(
            SCRIPT, act, str(work))) for act in ('parse', 'read')))


def _build(folder: pathlib.Path, databases: databases_module.Databases,
           libvirt_uri: str, number: int) -> None:
    servers = shape.many(number)
    config.write(folder, databases)
    rows.write(databases, servers)
    hypervisor = libvirt.open(libvirt_uri)
    for server in servers:
        hypervisor.defineXML(documents.domain_xml(server))
    hypervisor.close()


def check(stale: Texts, right: Texts, leftovers: bool = True) -> None:
    """Check that there was work to do, and that it was done.

    :param leftovers: whether stale addresses may be left nowhere
    :raises RuntimeError: it was not
    """
    for name, texts in right.items():
        words = texts if name == 'domains' else list(texts.values())
        if leftovers and any(monitor in text for text in words
                             for monitor in shape.ALPHA.old):
            raise RuntimeError(f'the refresh left something in {name}')
        if not words or stale[name] == texts:
            raise RuntimeError(f'there was nothing to do in {name}')
