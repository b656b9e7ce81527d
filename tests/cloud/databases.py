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

"""Nova's and Cinder's databases, created by their own migrations."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
import subprocess
import tempfile

from sqlalchemy.engine import url as sa_url


@dataclasses.dataclass(frozen=True)
class Databases:
    """SQLAlchemy URLs of a cloud's databases, passwords included."""

    api: str
    cell0: str
    cell: str
    cinder: str

    @classmethod
    def at(cls, base: str, prefix: str) -> Databases:
        """Name the databases below a URL base.

        :param base: ``sqlite:///FOLDER`` or the URL of a server
        :param prefix: the start of all database names
        """
        url = sa_url.make_url(base)
        if url.get_backend_name() == 'sqlite':
            names = [f'{url.database}/{prefix}{field.name}.sqlite'
                     for field in dataclasses.fields(cls)]
        else:
            names = [prefix + field.name for field in dataclasses.fields(cls)]
        return cls(*(url.set(database=name).render_as_string(False)
                     for name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """Return database names on the server; with SQLite, file paths."""
        return tuple(str(sa_url.make_url(value).database)
                     for value in dataclasses.astuple(self))


def migrate(python: str, databases: Databases) -> None:
    """Create the schemas in existing, empty databases.

    ``--local_cell`` migrates the database of ``[database]`` alone; the cell
    and cell0 have the same schema (nova/cmd/manage.py, DbCommands.sync).

    :param python: the interpreter of a venv that holds Nova and Cinder
    :raises RuntimeError: a migration failed
    """
    runs = (('nova-manage', 'api_db sync', databases.api),
            ('nova-manage', 'db sync --local_cell', databases.cell),
            ('nova-manage', 'db sync --local_cell', databases.cell0),
            ('cinder-manage', 'db sync', databases.cinder))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(_manage, python, databases.api, *run)
                     for run in runs]:
            done.result()


def _manage(python: str, api: str, program: str, command: str,
            connection: str) -> None:
    """Run nova-manage or cinder-manage with a temporary config."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / 'manage.conf'
        config.write_text(
            f'[DEFAULT]\nstate_path = {folder}\nlog_dir = {folder}\n'
            f'[database]\nconnection = {connection}\n'
            f'[api_database]\nconnection = {api}\n'
            f'[oslo_concurrency]\nlock_path = {folder}\n')
        done = subprocess.run(
            [str(pathlib.Path(python).parent / program),
             '--config-file', str(config), *command.split()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f'{program} {command} failed: {done.stdout}')
