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

"""How much memory ``status`` takes on a whole cell."""

from __future__ import annotations

import pathlib
from typing import Iterator

import sqlalchemy as sa

from benchmarks import processes
from benchmarks.figures import Figure
from tests.cloud import config
from tests.cloud import databases as databases_module
from tests.cloud import rows
from tests.cloud import shape
from tests.functional import servers as engines

MEMORY = 200.0
GROWTH = 1.1
VOLUMES = 2
# The hosts of the full cell, and of the cell with a tenth of the attachments:
# memory holds one batch of one host's servers at a time.
HOSTS = ((200, 20), (1, 1))
STALE_FOUND = 1


def figures(folder: pathlib.Path, migrated: databases_module.Databases,
            attachments: int) -> Iterator[Figure]:
    """Measure a cell twice: spread over many hosts, and all on one host.

    :param folder: an empty working folder
    :param migrated: SQLite databases with their schema but no rows
    :param attachments: how many; the comparison uses a tenth of them
    """
    cells = [_build(folder / name, migrated, number) for name, number
             in (('small', attachments // 10), ('large', attachments))]
    for many, few in HOSTS:
        small, large = (_peak(*cell, hosts)
                        for cell, hosts in zip(cells, (few, many)))
        what = f'status of {attachments} attachments, hosts: {many}'
        yield Figure(f'{what}; memory', large, MEMORY, 'MiB', '')
        yield Figure(f'{what}; memory / that of a tenth', large / small,
                     GROWTH, 'times', f'{large:.1f} MiB against {small:.1f}')


def _build(folder: pathlib.Path, migrated: databases_module.Databases,
           attachments: int) -> tuple[pathlib.Path, str]:
    """Return the config of a new cloud, and its cell's URL."""
    folder.mkdir(parents=True)
    databases = engines.SQLite(folder).clone(migrated, '')
    config.write(folder, databases)
    rows.write(databases, shape.many(attachments // VOLUMES, VOLUMES))
    _execute(databases.api,
             'INSERT INTO host_mappings (cell_id, host) VALUES (2, :host)',
             [{'host': _host(number)} for number in range(max(HOSTS)[0])
              if _host(number) not in shape.HOSTS])
    return folder / 'rbd-mon-fix.conf', databases.cell


def _peak(config_file: pathlib.Path, cell: str, hosts: int) -> float:
    """Spread the servers over hosts and run ``status`` on all of them."""
    _execute(cell, 'UPDATE instances SET host = :host WHERE id % :hosts = :n',
             [{'host': _host(number), 'hosts': hosts, 'n': number}
              for number in range(hosts)])
    return processes.peak(processes.ours(
        '--config-file', str(config_file), 'status', '--all-hosts',
        '--store', 'nova-bdm', '--store', 'cinder-attachment',
        '-f', 'json'), [STALE_FOUND])


def _host(number: int) -> str:
    return f'cmp{number + 1}'


def _execute(url: str, statement: str, values: list[dict]) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)
    engine.dispose()
