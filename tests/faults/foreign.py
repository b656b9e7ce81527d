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

"""Foreign writers: what Nova and Cinder do to the rows meanwhile."""

from __future__ import annotations

import collections
import contextlib
import itertools
import json
import random
import time
from typing import Any, Callable, Iterator, Sequence
import uuid

import sqlalchemy as sa
from sqlalchemy import exc as sa_exc
import tenacity

# Seconds, at most.
PAUSE = 0.01
BUSY = 0.03


class Place:
    """The table of one kind of documents, and its database."""

    def __init__(self, url: str, table: str):
        self.engine = sa.create_engine(url)
        meta = sa.MetaData()
        meta.reflect(self.engine, only=[table])
        self.table = meta.tables[table]

    def row(self, server: str) -> sa.Row[Any]:
        """Return the row of a server, or of its only volume."""
        columns = self.table.c
        key = columns.get('instance_uuid', columns.get('uuid'))
        with self.engine.connect() as connection:
            return connection.execute(sa.select(self.table).where(
                key == server, self._present)).one()

    def forget_deleted(self) -> None:
        """Remove the rows that are marked as deleted."""
        with self.engine.begin() as connection:
            connection.execute(self.table.delete().where(~self._present))

    @property
    def _present(self) -> sa.ColumnElement[bool]:
        column = self.table.c.deleted
        return (column == sa.false() if isinstance(column.type, sa.Boolean)
                else column == 0)

    # SQLite and deadlocks: a writer may have to begin again.
    @tenacity.retry(retry=tenacity.retry_if_exception_type(
        sa_exc.OperationalError), wait=tenacity.wait_random(0, 0.02),
        stop=tenacity.stop_after_attempt(200), reraise=True)
    def transact(self, *statements: Any) -> None:
        """Execute statements, or call functions, in one transaction."""
        with self.engine.begin() as connection:
            for each in statements:
                if callable(each):
                    each(connection)
                else:
                    connection.execute(each)

    def update(self, row: sa.Row[Any], **values: object) -> sa.Update:
        """Return the statement that changes a row, whatever is there."""
        return self.table.update().where(
            self.table.c.id == row.id).values(values)

    def copied(self, row: sa.Row[Any], **values: object) -> sa.Insert:
        """Return the statement that adds a row like another one."""
        columns = dict(row._mapping)
        if isinstance(row.id, int):
            del columns['id']
        return self.table.insert().values({**columns, **values})


class Conductor:
    """A nova-conductor and a cinder-api, for servers of their own.

    :param servers: UUIDs of servers with one volume each
    :param monitors: the lists that documents may have
    :param name: distinguishes the texts of conductors
    """

    def __init__(self, cell: str, cinder: str, servers: Sequence[str],
                 monitors: Sequence[Sequence[str]], name: str, seed: int):
        self._mappings = Place(cell, 'block_device_mapping')
        self._attachments = Place(cinder, 'volume_attachment')
        self._instances = Place(cell, 'instances')
        self._servers = servers
        self._monitors = monitors
        self._tokens = (f'{name}-{number}' for number in itertools.count())
        self._random = random.Random(seed)
        self.done: collections.Counter[str] = collections.Counter()

    def act(self) -> None:
        """Do one thing to one server."""
        server = self._random.choice(self._servers)
        deed = self._random.choice([
            self._save, self._swap_case, self._add_blank, self._task,
            self._move, self._task_with_device, self._replace, self._wait])
        deed(server)
        self.done[deed.__name__.lstrip('_')] += 1

    def _save(self, server: str) -> None:
        """Write a whole document, as BlockDeviceMapping.save() does."""
        place = self._place()
        row = place.row(server)
        place.transact(place.update(
            row, connection_info=self._renewed(row.connection_info)))

    def _swap_case(self, server: str) -> None:
        """Write a text that differs in the case of letters only."""
        def swapped(text: str) -> str:
            document = json.loads(text)
            document['token'] = document.get('token', 'a').swapcase()
            return json.dumps(document)

        self._rewrite(server, swapped)

    def _add_blank(self, server: str) -> None:
        """Write a text that differs in trailing blanks only."""
        self._rewrite(server, lambda text: text.rstrip() + ' ' * (
            (len(text) - len(text.rstrip()) + 1) % 3))

    def _rewrite(self, server: str, edit: Callable[[str], str]) -> None:
        place = self._place()
        row = place.row(server)
        column = place.table.c.connection_info

        def work(connection: sa.Connection) -> None:
            text = connection.execute(
                sa.select(column).where(place.table.c.id == row.id)
                .with_for_update()).scalar_one()
            connection.execute(place.update(row, connection_info=edit(text)))

        place.transact(work)

    def _task(self, server: str) -> None:
        """Start to work on the server, and end."""
        with self._kept(server, task_state='powering-on'):
            self._busy()

    def _move(self, server: str) -> None:
        """Migrate the server away, and back."""
        with self._kept(server, host='cmp2'):
            self._busy()

    def _task_with_device(self, server: str) -> None:
        """Hold the mapping while the server becomes busy."""
        row = self._mappings.row(server)
        with self._kept(
                server, self._mappings.update(row, device_name='/dev/vd'
                                              + self._random.choice('abcd')),
                lambda connection: time.sleep(self._random.choice(
                    [0, PAUSE / 5])), task_state='migrating'):
            self._busy()

    def _replace(self, server: str) -> None:
        """Detach the volume, and attach it again: new rows."""
        attachment = str(uuid.uuid4())
        for place, deleted, names in (
                (self._attachments, lambda row: True, {'id': attachment}),
                (self._mappings, lambda row: row.id,
                 {'uuid': str(uuid.uuid4()), 'attachment_id': attachment})):
            row = place.row(server)
            place.transact(
                place.update(row, deleted=deleted(row)),
                place.copied(row, **names, connection_info=self._renewed(
                    row.connection_info)))

    def _wait(self, server: str) -> None:
        time.sleep(self._random.uniform(0, PAUSE))

    def _busy(self) -> None:
        time.sleep(self._random.uniform(0, BUSY))

    @contextlib.contextmanager
    def _kept(self, server: str, *before: Any, **values: object
              ) -> Iterator[None]:
        """Change columns of a server for a block."""
        row = self._instances.row(server)
        self._instances.transact(*before, self._instances.update(
            row, **values))
        yield
        self._instances.transact(self._instances.update(row, **{
            name: getattr(row, name) for name in values}))

    def _place(self) -> Place:
        return self._random.choice([self._mappings, self._attachments])

    def _renewed(self, text: str) -> str:
        """Return a document with other monitors and a token of its own."""
        document = json.loads(text)
        part = document.get('data', document)
        part['hosts'] = list(self._random.choice(self._monitors))
        document['token'] = next(self._tokens)
        return json.dumps(document)
