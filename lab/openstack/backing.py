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

"""MariaDB and RabbitMQ, which OpenStack needs."""

from __future__ import annotations

import pathlib
import socket
from typing import Callable

from lab import network
from lab import services
from lab.openstack import config

DATA = pathlib.Path('/var/lib/mysql')
SOCKET = '/run/mysqld/mysqld.sock'
QUEUE_CONF = pathlib.Path('/etc/rabbitmq/rabbitmq.conf')
DATABASES = ('keystone', 'glance', 'placement', 'neutron', 'cinder', 'nova',
             'nova_api', 'nova_cell0')


def mariadb() -> services.Service:
    """Return the database server; create its folder if missing."""
    # A server that starts deletes all temporary tables in its folder, which
    # would be /tmp, and those of the host's servers.
    folder = pathlib.Path(SOCKET).parent
    folder.mkdir(exist_ok=True)
    if not (DATA / 'mysql').exists():
        services.run(
            'mariadb-install-db', '--no-defaults', '--user=root',
            f'--datadir={DATA}', f'--tmpdir={folder}', '--skip-test-db',
            '--auth-root-authentication-method=socket')
    return services.Service(
        'mariadb',
        ('mariadbd', '--no-defaults', '--user=root', f'--datadir={DATA}',
         f'--tmpdir={folder}', f'--socket={SOCKET}',
         f'--bind-address={network.ADDRESS}',
         '--skip-name-resolve', '--max-connections=500',
         '--character-set-server=utf8', '--pid-file=/run/mysqld/mysqld.pid',
         # The data need not survive a crash of the lab's machine.
         '--innodb-flush-log-at-trx-commit=0'),
        lambda: sql('SELECT 1'))


def create_databases() -> None:
    """Create the databases of the services, and their user."""
    sql(f"CREATE USER IF NOT EXISTS lab@'%' "
        f"IDENTIFIED BY '{config.password()}';\n" + '\n'.join(
            f"CREATE DATABASE IF NOT EXISTS {name};"
            f"GRANT ALL ON {name}.* TO lab@'%';"
            for name in DATABASES))


def sql(statements: str) -> str:
    """Run statements as the database's administrator.

    :returns: the raw output, without column names
    """
    return services.run(
        'mariadb', '--no-defaults', f'--socket={SOCKET}', '--raw',
        '--skip-column-names', stdin=statements)


def reports(database: str, daemon: str,
            host: str = '') -> Callable[[], bool]:
    """Return a function that tells whether a daemon has reported since now.

    :param database: the database of its project, to which it reports
    :param host: as the daemon names it; empty for any
    """
    now = sql('SELECT UTC_TIMESTAMP()').strip()
    return lambda: bool(sql(
        f"SELECT 1 FROM {database}.services WHERE `binary` = '{daemon}' "
        f"AND updated_at > '{now}' AND '{host}' IN ('', host)"))


def rabbitmq() -> services.Service:
    """Return the message queue, whose default user may come from any host."""
    base = pathlib.Path('/var/lib/rabbitmq')
    QUEUE_CONF.write_text('loopback_users = none\n')
    pathlib.Path('/var/log/rabbitmq').mkdir(exist_ok=True)
    return services.Service(
        'rabbitmq', ('/usr/lib/rabbitmq/bin/rabbitmq-server',),
        lambda: listens(5672), {
            'HOME': str(base), 'RABBITMQ_NODENAME': 'rabbit@localhost',
            # Makes RabbitMQ's script exec the server instead of watching it.
            'RUNNING_UNDER_SYSTEMD': 'yes',
            'RABBITMQ_MNESIA_BASE': str(base / 'mnesia'),
            'RABBITMQ_LOG_BASE': '/var/log/rabbitmq',
            'RABBITMQ_NODE_IP_ADDRESS': network.ADDRESS,
            'ERL_EPMD_ADDRESS': network.ADDRESS})


def listens(port: int) -> None:
    """Return if a port accepts connections.

    :raises OSError: it does not
    """
    socket.create_connection((network.ADDRESS, port), 5).close()
