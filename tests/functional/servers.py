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

"""Database engines, private to the tests.

The servers keep their data in a folder of their own below the system's
folder for temporary files, because the servers' users cannot read the tests'
own folder. They listen on a free port of the loopback interface.
"""

from __future__ import annotations

import abc
import contextlib
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from typing import Iterator, Optional, Protocol

import psutil
import sqlalchemy as sa
from sqlalchemy import exc
import tenacity

from tests.cloud import databases as databases_module

# Part of every URL; must never appear in our output.
PASSWORD = 'sesame'
READY_WITHIN = 60
STOPPED_WITHIN = 30


class Engine(Protocol):
    """A place for the databases of many clouds."""

    def create(self, prefix: str) -> databases_module.Databases:
        """Create empty databases whose names begin with a prefix."""

    def clone(self, source: databases_module.Databases,
              prefix: str) -> databases_module.Databases:
        """Create databases with the schema and the rows of others."""

    def save(self, databases: databases_module.Databases,
             folder: pathlib.Path) -> None:
        """Write the schema and the rows of databases to files."""

    def load(self, databases: databases_module.Databases,
             folder: pathlib.Path) -> None:
        """Read into empty databases what ``save`` wrote."""

    def drop(self, databases: databases_module.Databases) -> None:
        """Remove databases."""


class SQLite:
    """Files in a folder."""

    def __init__(self, folder: pathlib.Path):
        self.url = f'sqlite:///{folder}'

    def create(self, prefix: str) -> databases_module.Databases:
        return databases_module.Databases.at(self.url, prefix)

    def clone(self, source: databases_module.Databases,
              prefix: str) -> databases_module.Databases:
        target = databases_module.Databases.at(self.url, prefix)
        for old, new in zip(source.names, target.names):
            shutil.copyfile(old, new)
        return target

    def save(self, databases: databases_module.Databases,
             folder: pathlib.Path) -> None:
        for name, file in _files(databases, folder):
            shutil.copyfile(name, file)

    def load(self, databases: databases_module.Databases,
             folder: pathlib.Path) -> None:
        for name, file in _files(databases, folder):
            shutil.copyfile(file, name)

    def drop(self, databases: databases_module.Databases) -> None:
        for name in databases.names:
            os.unlink(name)


class _Server(abc.ABC):
    """The common part of MariaDB and PostgreSQL."""

    def __init__(self, url: str, admin_database: str, process: _Process):
        self.url = url
        self.admin_url = sa.make_url(url).set(database=admin_database)
        self._process = process

    def restart(self) -> None:
        """Stop the server, with whatever its clients do, and start it."""
        self._process.stop()
        self._process.start()
        self.wait_until_ready()

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Stop the server's processes for a block; connections stay open."""
        with self._process.suspended():
            yield

    def execute(self, *statements: str) -> None:
        engine = sa.create_engine(self.admin_url,
                                  isolation_level='AUTOCOMMIT')
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    def create(self, prefix: str) -> databases_module.Databases:
        databases = databases_module.Databases.at(self.url, prefix)
        self.execute(*[f'CREATE DATABASE {name}' for name in databases.names])
        return databases

    def save(self, databases: databases_module.Databases,
             folder: pathlib.Path) -> None:
        for name, file in _files(databases, folder):
            file.write_bytes(self.dump(name))

    def load(self, databases: databases_module.Databases,
             folder: pathlib.Path) -> None:
        for name, file in _files(databases, folder):
            self.restore(name, file.read_bytes())

    @abc.abstractmethod
    def dump(self, name: str) -> bytes:
        """Return the statements that make a database again."""

    @abc.abstractmethod
    def restore(self, name: str, statements: bytes) -> None:
        """Carry out what ``dump`` returned, in an empty database."""

    def _client(self, variable: str, *command: str,
                statements: bytes = b'') -> bytes:
        """Run a client program; return what it prints.

        :param variable: of the environment, in which it looks for a password
        """
        url = sa.make_url(self.url)
        program, *arguments = command
        return subprocess.run(
            [_program(program), *arguments, f'--host={url.host}',
             f'--port={url.port}'],
            env={**os.environ, variable: str(url.password)}, check=True,
            input=statements, stdout=subprocess.PIPE).stdout

    def drop(self, databases: databases_module.Databases) -> None:
        self.execute(*[f'DROP DATABASE {name}' for name in databases.names])

    @tenacity.retry(retry=tenacity.retry_if_exception_type(
        exc.OperationalError), wait=tenacity.wait_fixed(0.1),
        stop=tenacity.stop_after_delay(READY_WITHIN), reraise=True)
    def wait_until_ready(self) -> None:
        self.execute('SELECT 1')


class MariaDB(_Server):
    """A MariaDB server."""

    def clone(self, source: databases_module.Databases,
              prefix: str) -> databases_module.Databases:
        target = self.create(prefix)
        for old, new in zip(source.names, target.names):
            self.restore(new, self.dump(old))
        return target

    def dump(self, name: str) -> bytes:
        return self._client('MYSQL_PWD', 'mariadb-dump', '--no-defaults',
                            '--user=nova', '--skip-lock-tables', name)

    def restore(self, name: str, statements: bytes) -> None:
        self._client('MYSQL_PWD', 'mariadb', '--no-defaults', '--user=nova',
                     name, statements=statements)


class PostgreSQL(_Server):
    """A PostgreSQL server."""

    def clone(self, source: databases_module.Databases,
              prefix: str) -> databases_module.Databases:
        target = databases_module.Databases.at(self.url, prefix)
        self.execute(*[f'CREATE DATABASE {new} TEMPLATE {old}'
                       for old, new in zip(source.names, target.names)])
        return target

    def dump(self, name: str) -> bytes:
        return self._client('PGPASSWORD', 'pg_dump', '--username=nova',
                            f'--dbname={name}')

    def restore(self, name: str, statements: bytes) -> None:
        self._client('PGPASSWORD', 'psql', '--username=nova', '--quiet',
                     '--no-psqlrc', '--set=ON_ERROR_STOP=1',
                     f'--dbname={name}', statements=statements)


@contextlib.contextmanager
def mariadb(certificate: Optional[pathlib.Path] = None) -> Iterator[MariaDB]:
    """Run a MariaDB server for the duration of the context.

    :param certificate: where to write the certificate of a server
        with TLS; None for one without
    """
    with _home('mysql') as (home, user):
        data = home / 'data'
        port = _free_port()
        tls = _tls(user, home, certificate) if certificate else []
        # A server that starts deletes all temporary tables in its folder,
        # which would be /tmp, and those of another server.
        options = ['--no-defaults', f'--datadir={data}', f'--tmpdir={home}']
        _run(user, home, 'mariadb-install-db', *options,
             '--auth-root-authentication-method=normal', '--skip-test-db')
        (home / 'init.sql').write_text(
            f"CREATE USER nova@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
            "\nGRANT ALL ON *.* TO nova@'127.0.0.1' WITH GRANT OPTION;\n")
        command = [_program('mariadbd'), *options, f'--port={port}',
                   '--bind-address=127.0.0.1', '--skip-name-resolve',
                   f'--socket={home}/socket', f'--pid-file={home}/pid',
                   f'--init-file={home}/init.sql',
                   '--innodb-flush-log-at-trx-commit=0', *tls]
        with _running(command, user, home, signal.SIGTERM) as process:
            server = MariaDB(
                f'mysql+pymysql://nova:{PASSWORD}@127.0.0.1:{port}',
                'mysql', process)
            server.wait_until_ready()
            yield server


def _tls(user: dict, home: pathlib.Path,
         certificate: pathlib.Path) -> list[str]:
    """Make a key and its certificate; return the options to use them."""
    own = home / 'certificate.pem'
    _run(user, home, 'openssl', 'req', '-x509', '-nodes', '-days', '2',
         '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
         '-subj', '/CN=database', '-addext', 'subjectAltName=IP:127.0.0.1',
         '-keyout', f'{home}/key.pem', '-out', str(own))
    shutil.copy(own, certificate)
    return [f'--ssl-cert={own}', f'--ssl-key={home}/key.pem']


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server for the duration of the context."""
    with _home('postgres') as (home, user):
        data = home / 'data'
        port = _free_port()
        (home / 'password').write_text(PASSWORD)
        _run(user, home, 'initdb', f'--pgdata={data}', '--no-sync',
             '--username=nova', f'--pwfile={home}/password',
             '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C')
        command = [_program('postgres'), '-D', str(data), '-k', str(home),
                   '-h', '127.0.0.1', '-p', str(port), '-c', 'fsync=off']
        with _running(command, user, home, signal.SIGINT) as process:
            server = PostgreSQL(
                f'postgresql+psycopg2://nova:{PASSWORD}@127.0.0.1:{port}',
                'postgres', process)
            server.wait_until_ready()
            yield server


@contextlib.contextmanager
def _home(user: str) -> Iterator[tuple[pathlib.Path, dict]]:
    """Yield a folder, and the arguments to run a process as its owner.

    Neither server runs as root, so root's tests use a separate user.
    """
    with tempfile.TemporaryDirectory(prefix='rbd-mon-fix-') as home:
        identity: dict = {}
        if os.geteuid() == 0:
            shutil.chown(home, user, user)
            identity = {'user': user, 'group': user, 'extra_groups': []}
        yield pathlib.Path(home), identity


class _Process:
    """The process of a server.

    :param user: arguments to run it as its user
    :param end: the signal that ends it without waiting for clients
    """

    def __init__(self, command: list[str], user: dict, home: pathlib.Path,
                 end: signal.Signals):
        self._command = command
        self._user = user
        self._home = home
        self._end = end
        self._process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        with open(self._home / 'log', 'ab') as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self._home, **self._user)

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Suspend the process and its children for a block."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        parent.suspend()
        found = [parent, *parent.children(recursive=True)]
        try:
            for each in found:
                each.suspend()
            yield
        finally:
            for each in found:
                each.resume()

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(self._end)
        try:
            self._process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def _running(command: list[str], user: dict, home: pathlib.Path,
             end: signal.Signals) -> Iterator[_Process]:
    process = _Process(command, user, home, end)
    process.start()
    try:
        yield process
    finally:
        process.stop()


def _run(user: dict, home: pathlib.Path, program: str, *args: str) -> None:
    subprocess.run([_program(program), *args], check=True, cwd=home,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   **user)


def _files(databases: databases_module.Databases, folder: pathlib.Path
           ) -> Iterator[tuple[str, pathlib.Path]]:
    """Yield each database's name, and its file in a folder."""
    for number, name in enumerate(databases.names):
        yield name, folder / str(number)


def _program(name: str) -> str:
    """Find a program, even in a folder that only its own package knows."""
    folders = [os.environ.get('PATH', ''), '/usr/sbin', '/usr/libexec',
               *sorted(glob.glob('/usr/lib/postgresql/*/bin'), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise FileNotFoundError(f'{name} is not installed, see bindep.txt')
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
