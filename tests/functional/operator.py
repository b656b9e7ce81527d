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

"""An operator of a throwaway cloud: runs commands and inspects the result."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Optional

import sqlalchemy as sa

from tests import schemas
from tests.cloud import building
from tests.cloud import domains

COMMAND = pathlib.Path(sys.executable).parent / 'rbd-mon-fix'
BOUND = 120.0

# Columns that a store's write changes in addition to the document.
STAMP = 'updated_at'


@dataclasses.dataclass(frozen=True)
class Answer:
    """The output and the exit code of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def states(self, *keys: str) -> dict[tuple, str]:
        """Return the state of each record, keyed by some of its fields."""
        return {tuple(row[key] for key in keys): row['state']
                for row in self.json['records']}


class Operator:
    """Runs the installed command on a cloud.

    :param config: of rbd-mon-fix; the cloud's own unless given
    """

    def __init__(self, cloud: building.Cloud,
                 config: Optional[pathlib.Path] = None):
        self.cloud = cloud
        self.config = config or cloud.config_file

    def run(self, *words: str, program: Optional[list[str]] = None,
            **environ: str) -> Answer:
        """Run a command; options may precede the command's name."""
        done = subprocess.run(
            [*(program or [str(COMMAND)]), '--config-file', str(self.config),
             *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=BOUND,
            env={**os.environ, **environ})
        if done.returncode >= 0:
            schemas.check_words(words, done.stdout)
        return Answer(done.returncode, done.stdout, done.stderr)

    def holds(self) -> dict[str, Any]:
        """Return everything in the cloud's databases and in libvirt."""
        databases = self.cloud.databases
        return {'xml': domains.dump(self.cloud.libvirt_root),
                **{name: rows(url) for name, url in
                   dataclasses.asdict(databases).items()}}


def rows(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table of a database."""
    engine = sa.create_engine(url)
    meta = sa.MetaData()
    meta.reflect(engine)
    with engine.connect() as connection:
        found = {name: [dict(row) for row in connection.execute(
            sa.select(table).order_by(*table.primary_key.columns)
            ).mappings()] for name, table in meta.tables.items()}
    engine.dispose()
    return found


def without_stamps(held: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a cloud without the times of the last writes."""
    return {name: part if name == 'xml' else {
        table: [{key: value for key, value in row.items() if key != STAMP}
                for row in found] for table, found in part.items()}
        for name, part in held.items()}


def ask_clusters(cloud):
    """Take the monitors from the clusters and their ceph.conf."""
    set_option(cloud.config_file,
               f'monitors_file = {cloud.folder}/monitors.json\n', '')


def set_option(path: pathlib.Path, old: str, new: str) -> None:
    """Replace a line, or part of a line, of a config file."""
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new))


def use_driver(cloud: building.Cloud, driver: str) -> None:
    """Name another driver in the URLs of a cloud.

    :param driver: such as postgresql+psycopg, or postgresql for any
    """
    for url in dataclasses.astuple(cloud.databases):
        new = sa.make_url(url).set(drivername=driver).render_as_string(
            hide_password=False)
        execute(cloud.databases.api, 'UPDATE cell_mappings SET '
                'database_connection = :new WHERE database_connection = :old',
                old=url, new=new)
        for path in cloud.folder.rglob('*.conf'):
            path.write_text(path.read_text().replace(url, new))


def execute(database: str, statement: str, **values: object) -> None:
    """Run one statement on a database."""
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)
    engine.dispose()
