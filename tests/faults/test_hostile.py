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
"""Hostile documents and rows: each is left out, the others are worked on."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pathlib
import sqlite3

import pytest
import sqlalchemy as sa
import yaml

from tests.cloud import domains
from tests.cloud import shape
from tests.faults.conftest import thorough
from tests.functional import operator

HOST = ('--host', 'cmp1')
READ = {
    'json': lambda text: json.loads(text)['records'],
    'yaml': lambda text: yaml.safe_load(text)['records'],
    'csv': lambda text: list(csv.DictReader(io.StringIO(text))),
}

# What replaces which part of connection_info.
TEXTS = {
    'surrogate-volume': ('"volume_id": "', '"volume_id": "\\ud800'),
    'nul-volume': ('"volume_id": "', '"volume_id": "\\u0000'),
    'surrogate-image': ('"name": "', '"name": "\\udfff'),
    'surrogate-user': ('"auth_username": "', '"auth_username": "\\ud800'),
    'nul-secret': ('"secret_uuid": "', '"secret_uuid": "\\u0000'),
    'deep': ('"hosts"', '"x": %s, "hosts"' % ('[' * 5000 + ']' * 5000)),
    'quoted-scope': ('"hosts": ["', '"hosts": ["fe80::1%\'/>", "'),
    'infinite': ('"ports": ["', '"ports": [1e999, "'),
}
HARMED = tuple(shape.Server(name, (shape.stale(
    name, alter=lambda text, parts=parts: text.replace(*parts)),))
    for name, parts in TEXTS.items())
GOOD = shape.Server('good', (shape.stale('good', shape.BETA),))
RESCUED = [shape.Server(name, (shape.stale(name),), vm_state='rescued')
           for name in ('nested', 'long', 'undecodable', 'cut-off')]
BYTES = [shape.Server(f'bytes-{number}', (shape.stale(f'bytes-{number}'),))
         for number in range(4)]


def unreadable(cloud, records):
    """Return the names of servers with an unreadable record."""
    names = {server.uuid: server.name for server in cloud.servers}
    return {names.get(row['instance'], row['instance']) for row in records
            if row['skip'] == 'unreadable'}


def ends(answer, *codes):
    assert answer.code in codes, answer.err
    assert 'Traceback' not in answer.err
    assert 'Crashed' not in answer.err
    return answer


def every_look(cloud, bad, tmp_path):
    """Run every command that only reads; the bad records are told."""
    admin = operator.Operator(cloud)
    for form, read in READ.items():
        found = ends(admin.run('status', *HOST, '-f', form), 1)
        assert unreadable(cloud, read(found.out)) == bad
    assert 'unreadable' in ends(admin.run('status', *HOST), 1).out
    ends(admin.run('refresh', *HOST, '--dry-run'), 1)
    (tmp_path / 'qemu-img').write_text('#!/bin/sh\nexit 0\n')
    (tmp_path / 'qemu-img').chmod(0o755)
    path = f'{tmp_path}:{os.environ["PATH"]}'
    opened = ends(admin.run('verify', *HOST, '-f', 'json', PATH=path), 1)
    assert {row['instance'] for row in opened.json['disks']
            if (row['error'] or '').startswith('not tried')}
    ends(admin.run('guests', *HOST, '-f', 'json'), 0)


def both_ways(cloud, bad, holds):
    """Refresh and roll back; the bad records are told, others corrected."""
    admin = operator.Operator(cloud)
    before = holds(cloud)
    done = ends(admin.run('refresh', *HOST, '-f', 'yaml'), 4)
    told = yaml.safe_load(done.out)
    assert unreadable(cloud, told['records']) == bad
    assert told['summary']['not_judged'] > 0
    assert {row['outcome'] for row in told['records']
            if row['instance'] == GOOD.uuid} == {'fixed'}
    assert holds(cloud) != before
    ends(admin.run('rollback', told['run'], '-f', 'csv'), 0)
    assert holds(cloud) == before


def texts(cloud):
    """Return all documents as texts."""
    found = [domains.dump(cloud.libvirt_root)]
    for url, table in ((cloud.databases.cell, 'block_device_mapping'),
                       (cloud.databases.cinder, 'volume_attachment')):
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            found.append({key: text for key, text in connection.execute(
                sa.text(f'SELECT id, connection_info FROM {table}'))})
        engine.dispose()
    return found


@pytest.mark.parametrize('on', [
    'sqlite', thorough('mariadb'), 'postgresql'])
def test_texts(build_cloud, tmp_path, on):
    cloud = build_cloud((*HARMED, GOOD), on=on)
    if on == 'sqlite':
        every_look(cloud, set(TEXTS), tmp_path)
    both_ways(cloud, set(TEXTS), texts)


def raw(url, statement, *values):
    """Store bytes that SQLite does not check."""
    path = sa.engine.make_url(url).database
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(statement, values)
        database.commit()


def documents(cloud):
    """Return all documents, byte for byte."""
    found = [domains.dump(cloud.libvirt_root)]
    for url, table in ((cloud.databases.cell, 'block_device_mapping'),
                       (cloud.databases.cinder, 'volume_attachment')):
        path = sa.engine.make_url(url).database
        with contextlib.closing(sqlite3.connect(path)) as database:
            found.append(database.execute(
                'SELECT id, CAST(connection_info AS BLOB) '
                f'FROM {table}').fetchall())
    return found


def test_bytes_and_files(build_cloud, tmp_path):
    cloud = build_cloud((*BYTES, *RESCUED, GOOD))
    cell, cinder = cloud.databases.cell, cloud.databases.cinder
    mapping = ('UPDATE block_device_mapping SET connection_info = {} '
               'WHERE instance_uuid = ?')
    raw(cell, mapping.format("CAST(x'7bff7d' AS TEXT)"), BYTES[0].uuid)
    raw(cell, mapping.format("x'00ff'"), BYTES[1].uuid)
    raw(cell, "UPDATE instances SET display_name = CAST(x'00ff1b' AS TEXT)")
    raw(cinder, "UPDATE volume_attachment SET connection_info = "
        "CAST(x'e4' AS TEXT) WHERE instance_uuid = ?", BYTES[2].uuid)
    raw(cell, "UPDATE instances SET uuid = '../x' WHERE uuid = ?",
        BYTES[3].uuid)
    folder = cloud.folder / 'nova' / 'instances'
    defined = domains.dump(cloud.libvirt_root)
    for server, harm in zip(RESCUED, (
            lambda text: text.replace('<target', '<x>' * 1000 + '</x>' * 1000
                                      + '<target', 1),
            lambda text: text + ' ' * (4 << 20),
            lambda text: text.replace('<name>', '<name>\udcff'),
            lambda text: text[:-9])):
        (folder / server.uuid).mkdir(parents=True)
        (folder / server.uuid / 'unrescue.xml').write_text(
            harm(defined[server.uuid]), errors='surrogateescape')
    bad = {server.name for server in (*BYTES[:3], *RESCUED)} | {'../x'}
    every_look(cloud, bad, tmp_path)
    both_ways(cloud, bad, documents)


# What a document and a name hold that is not valid in any encoding here.
HARM = b'{\xff}'


def store_in_mariadb(server, database, table, column, key, uuid):
    """Store bytes that are not UTF-8 in a column of utf8mb3.

    The column is another one for a while, and then gets the old definition
    back, from the file of the table.
    """
    frm = pathlib.Path(scalar(server, 'SELECT @@datadir')) / database
    frm = frm / f'{table}.frm'
    kind = scalar(server, 'SELECT column_type FROM information_schema.columns '
                  f"WHERE table_schema = '{database}' AND table_name = "
                  f"'{table}' AND column_name = '{column}'")
    server.execute('FLUSH TABLES')
    definition = frm.read_bytes()
    server.execute(
        f'ALTER TABLE {database}.{table} MODIFY {column} {kind} '
        'CHARACTER SET latin1 COLLATE latin1_bin',
        f"UPDATE {database}.{table} SET {column} = x'{HARM.hex()}' "
        f"WHERE {key} = '{uuid}'", 'FLUSH TABLES')
    frm.write_bytes(definition)


def store_in_postgresql(server, database, table, column, key, uuid):
    """Store bytes that are not UTF-8 in a database of SQL_ASCII."""
    server.execute('UPDATE pg_database SET encoding = 0 '
                   f"WHERE datname = '{database}'")
    operator.execute(
        server.admin_url.set(database=database),
        f"UPDATE {table} SET {column} = convert_from("
        f"decode('{HARM.hex()}', 'hex'), 'SQL_ASCII') WHERE {key} = '{uuid}'")


def scalar(server, query):
    engine = sa.create_engine(server.admin_url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query).scalar_one()
    engine.dispose()
    return found


def served_documents(cloud):
    """Return all documents, byte for byte."""
    found = [domains.dump(cloud.libvirt_root)]
    for url, table in ((cloud.databases.cell, 'block_device_mapping'),
                       (cloud.databases.cinder, 'volume_attachment')):
        engine = sa.create_engine(url)
        column = ('CAST(connection_info AS BINARY)'
                  if engine.dialect.name == 'mysql' else
                  "convert_to(connection_info, getdatabaseencoding())")
        with engine.connect() as connection:
            found.append({key: text and bytes(text) for key, text
                          in connection.execute(sa.text(
                              f'SELECT id, {column} FROM {table}'))})
        engine.dispose()
    return found


def connect_with(cloud, options):
    """Let the operator's config have parameters of the driver."""
    operator.execute(
        cloud.databases.api, 'UPDATE cell_mappings SET database_connection '
        '= :new WHERE id = 2', new=cloud.databases.cell + options)
    operator.set_option(cloud.folder / 'cinder.conf', cloud.databases.cinder,
                        cloud.databases.cinder + options)


@pytest.mark.parametrize('on, options', [
    ('mariadb', '?charset=utf8'), ('postgresql', ''),
    thorough('postgresql', '?client_encoding=utf8')])
def test_bytes_of_servers(build_cloud, engine, on, options):
    """One row that no driver can decode does not hide the others."""
    cloud = build_cloud((*BYTES, GOOD), on=on)
    store = {'mariadb': store_in_mariadb,
             'postgresql': store_in_postgresql}[on]
    cell, cinder = (sa.make_url(url).database for url in (
        cloud.databases.cell, cloud.databases.cinder))
    for database, table, column, key, server in (
            (cell, 'block_device_mapping', 'connection_info',
             'instance_uuid', BYTES[0]),
            (cinder, 'volume_attachment', 'connection_info',
             'instance_uuid', BYTES[1]),
            (cell, 'block_device_mapping', 'device_name',
             'instance_uuid', BYTES[2]),
            (cell, 'instances', 'display_name', 'uuid', GOOD)):
        store(engine(on), database, table, column, key, server.uuid)
    connect_with(cloud, options)
    admin = operator.Operator(cloud)
    bad = {BYTES[0].name, BYTES[1].name}
    found = ends(admin.run('status', *HOST, '-f', 'json'), 1)
    assert unreadable(cloud, found.json['records']) == bad
    assert '{\\xff}' in found.out.replace('\\\\', '\\')
    both_ways(cloud, bad, served_documents)
