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

"""A script that only reads, or swaps, all documents in the databases.

    python benchmarks/bare_databases.py read URLS
    python benchmarks/bare_databases.py show URLS
    python benchmarks/bare_databases.py swap URLS OLD NEW

It knows nothing of servers, hosts and clusters. URLS is a file with those of
both databases. ``show`` also parses each document, and prints an object with
the keys of a report. OLD and NEW are lists of addresses as the documents have
them; a row is written if its text is still the one that was read.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any, Iterator, Sequence

import sqlalchemy as sa

TABLES = ('block_device_mapping', 'volume_attachment')
BATCH = 500
# What a report tells besides, such as the server of a document.
_SAME = {'host': 'cmp1', 'instance': '0' * 36, 'name': 'a server',
         'vm_state': 'active', 'task_state': None, 'store': 'nova-bdm',
         'disk': 'vda', 'cluster': 'a cluster', 'state': 'stale',
         'skip': None, 'breaks': ['hard-reboot', 'cold-migrate']}


def read(url: str, table: str) -> int:
    """Read all documents of a table, and return their number."""
    return sum(map(len, _partitions(url, table)))


def show(url: str, table: str) -> int:
    """Read, parse and print all documents; return their number."""
    shown = 0
    for rows in _partitions(url, table):
        shown += len(rows)
        for key, text in rows:
            whole = json.loads(text)
            data = whole.get('data', whole)
            monitors = [f'{host}:{port}' for host, port
                        in zip(data['hosts'], data['ports'])]
            print(json.dumps({**_SAME, 'key': key, 'image': data['name'],
                              'monitors': monitors, 'desired': monitors}))
    return shown


def _partitions(url: str, table: str) -> Iterator[Sequence[Any]]:
    engine = sa.create_engine(url)
    with engine.connect().execution_options(
            yield_per=BATCH) as connection:
        yield from connection.execute(sa.text(
            f'SELECT id, connection_info FROM {table} WHERE deleted = 0'
        )).partitions()


def swap(url: str, table: str, old: str, new: str) -> int:
    """Replace addresses in all documents of a table.

    :returns: the number of rows that were written
    """
    engine = sa.create_engine(url)
    update = sa.text(
        f'UPDATE {table} SET connection_info = :new, updated_at = now()'
        ' WHERE id = :id AND deleted = 0'
        ' AND CAST(connection_info AS BINARY) = CAST(:old AS BINARY)')
    written = 0
    with engine.connect().execution_options(
            yield_per=BATCH) as reading:
        for rows in reading.execute(sa.text(
                f'SELECT id, connection_info FROM {table} WHERE deleted = 0'
        )).partitions():
            swaps = [{'id': key, 'old': text, 'new': text.replace(old, new)}
                     for key, text in rows if old in text]
            if swaps:
                with engine.begin() as writing:
                    written += writing.execute(update, swaps).rowcount
    return written


if __name__ == '__main__':
    act = {'read': read, 'show': show, 'swap': swap}[sys.argv[1]]
    urls = pathlib.Path(sys.argv[2]).read_text().split()
    for url, table in zip(urls, TABLES):
        print(act(url, table, *sys.argv[3:]))
