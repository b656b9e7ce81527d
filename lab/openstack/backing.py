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

"""What OpenStack stands on: MariaDB and RabbitMQ."""

from __future__ import annotations

import pathlib
import socket
from typing import Callable

from lab import services
from lab.openstack import config

DATA = pathlib.Path('/var/lib/mysql')
SOCKET = '/run/mysqld/mysqld.sock'
DATABASES = ('keystone', 'glance', 'placement', 'neutron', 'cinder', 'nova',
             'nova_api', 'nova_cell0')


def mariadb() -> services.Service:
    """Return the database server, its folder made if there is none."""
    pathlib.Path(SOCKET).parent.mkdir(exist_ok=True)
    if not (DATA / 'mysql').exists():
        services.run(
            'mariadb-install-db', '--no-defaults', '--user=root',
            f'--datadir={DATA}', '--skip-test-db',
            '--auth-root-authentication-method=socket')
    return services.Service(
        'mariadb',
        ('mariadbd', '--no-defaults', '--user=root', f'--datadir={DATA}',
         f'--socket={SOCKET}', f'--bind-address={config.ADDRESS}',
         '--skip-name-resolve', '--max-connections=500',
         '--character-set-server=utf8', '--pid-file=/run/mysqld/mysqld.pid',
         # What a crash of the lab's machine would lose is of no use to it.
         '--innodb-flush-log-at-trx-commit=0'),
        lambda: sql('SELECT 1'))


def create_databases() -> None:
    """Create the services' databases, and the user that may use them."""
    sql(f"CREATE USER IF NOT EXISTS lab@'{config.ADDRESS}' "
        f"IDENTIFIED BY '{config.password()}';\n" + '\n'.join(
            f"CREATE DATABASE IF NOT EXISTS {name};"
            f"GRANT ALL ON {name}.* TO lab@'{config.ADDRESS}';"
            for name in DATABASES))


def sql(statements: str) -> str:
    """Run statements as the database's administrator.

    :returns: what they find, as it stands there, without names of columns
    """
    return services.run(
        'mariadb', '--no-defaults', f'--socket={SOCKET}', '--raw',
        '--skip-column-names', stdin=statements)


def reports(database: str, daemon: str) -> Callable[[], bool]:
    """Return what tells whether a daemon says, from now on, that it is up.

    :param database: that of its project, in which it says so
    """
    now = sql('SELECT UTC_TIMESTAMP()').strip()
    return lambda: bool(sql(
        f"SELECT 1 FROM {database}.services WHERE `binary` = '{daemon}' "
        f"AND updated_at > '{now}'"))


def rabbitmq() -> services.Service:
    """Return the message queue."""
    base = pathlib.Path('/var/lib/rabbitmq')
    pathlib.Path('/var/log/rabbitmq').mkdir(exist_ok=True)
    return services.Service(
        'rabbitmq', ('/usr/lib/rabbitmq/bin/rabbitmq-server',),
        lambda: listens(5672), {
            'HOME': str(base), 'RABBITMQ_NODENAME': 'rabbit@localhost',
            # Its script becomes the server then, and does not watch it.
            'RUNNING_UNDER_SYSTEMD': 'yes',
            'RABBITMQ_MNESIA_BASE': str(base / 'mnesia'),
            'RABBITMQ_LOG_BASE': '/var/log/rabbitmq',
            'RABBITMQ_NODE_IP_ADDRESS': config.ADDRESS,
            'ERL_EPMD_ADDRESS': config.ADDRESS})


def listens(port: int) -> None:
    """Return if somebody listens on a port.

    :raises OSError: nobody does
    """
    socket.create_connection((config.ADDRESS, port), 5).close()
