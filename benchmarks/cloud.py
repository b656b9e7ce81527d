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

"""``status`` and ``refresh`` of a whole cloud, in its databases.

MariaDB and the schemas of Nova and Cinder are real.
"""

from __future__ import annotations

import json
import pathlib
from typing import Iterator, Sequence

import sqlalchemy as sa

from benchmarks import bare_databases
from benchmarks import processes
from benchmarks.figures import Figure
from tests.cloud import config
from tests.cloud import databases as databases_module
from tests.cloud import rows
from tests.cloud import shape

VOLUMES = 2
STATUS, REFRESH, MEMORY, GROWTH = 2.0, 3.0, 200.0, 1.1
STALE_FOUND = 1
SCRIPT = str(pathlib.Path(bare_databases.__file__))
STORES = ('--store', 'nova-bdm', '--store', 'cinder-attachment')


def figures(cells: Sequence[Cell], rounds: int) -> Iterator[Figure]:
    """Measure the first cell's time, and the memory of both.

    :param cells: of which the second is larger
    :param rounds: the number of measurements of each
    """
    cell, larger = cells
    yield processes.compare(
        f'status of {cell.name} / bare read', STATUS, rounds,
        lambda: processes.seconds(cell.status, [STALE_FOUND]),
        lambda: processes.seconds(cell.bare('read')))
    yield processes.compare(
        f'reading, parsing and printing of {cell.name} / bare read', None,
        rounds, lambda: processes.seconds(cell.bare('show')),
        lambda: processes.seconds(cell.bare('read')))
    yield processes.compare(
        f'refresh of {cell.name} / bare compare-and-swap', REFRESH, rounds,
        lambda: cell.written(cell.refresh),
        lambda: cell.written(cell.bare('swap', cell.old, cell.new)))
    for what, code in (('status', STALE_FOUND), ('refresh', 0)):
        peaks = []
        for each in cells:
            each.restore()
            peaks.append(processes.peak(getattr(each, what), [code]))
            yield Figure(f'{what} of {each.name}; memory', peaks[-1],
                         MEMORY, 'MiB', '')
        yield Figure(f'{what} of {larger.name} / of {cell.name}; memory',
                     peaks[1] / peaks[0], GROWTH, 'times',
                     f'{peaks[1]:.1f} MiB against {peaks[0]:.1f}')


class Cell:
    """A cell whose volumes all have stale addresses in both databases.

    :param folder: for the config
    :param databases: with their schema but no rows
    """

    def __init__(self, folder: pathlib.Path,
                 databases: databases_module.Databases, attachments: int,
                 hosts: int):
        self.name = f'{attachments:,} attachments, {hosts:,} hosts'
        self.old, self.new = (
            json.dumps(list(addrs)) for addrs in (
                shape.ALPHA.old, shape.ALPHA.new))
        self._attachments = attachments
        self._urls = databases.cell, databases.cinder
        folder.mkdir(parents=True)
        # Other users see the words of a command, but no file in here.
        self._file = folder / 'urls'
        self._file.write_text('\n'.join(self._urls))
        config.write(folder, databases)
        names = [f'cmp{number + 1}' for number in range(hosts)]
        rows.write(databases, [
            shape.Server(f'bulk-{number}', tuple(
                shape.stale(f'bulk-{number}-{volume}')
                for volume in range(VOLUMES)), host=names[number % hosts])
            for number in range(attachments // VOLUMES)])
        common = ['--config-file', str(folder / 'rbd-mon-fix.conf')]
        scope = ['--all-hosts', *STORES]
        self.status = processes.ours(*common, 'status', *scope, '-f', 'json')
        self.refresh = processes.ours(
            *common, 'refresh', *scope, '-f', 'json')

    def bare(self, act: str, *words: str) -> processes.Command:
        """Return the command line of the bare script."""
        return processes.python(SCRIPT, act, str(self._file), *words)

    def restore(self) -> None:
        """Make all addresses stale again."""
        processes.run(self.bare('swap', self.new, self.old))

    def written(self, command: processes.Command) -> float:
        """Return the duration of a command that corrects all addresses."""
        self.restore()
        seconds = processes.seconds(command)
        for url, table in zip(self._urls, bare_databases.TABLES):
            if self._count(url, table, self.new) != self._attachments:
                raise RuntimeError(f'not all was written in {table}')
        return seconds

    @staticmethod
    def _count(url: str, table: str, text: str) -> int:
        engine = sa.create_engine(url)
        try:
            with engine.connect() as connection:
                return connection.execute(sa.text(
                    f'SELECT count(*) FROM {table} WHERE deleted = 0 AND'
                    ' locate(:text, connection_info)'),
                    {'text': text}).scalar_one()
        finally:
            engine.dispose()
