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

"""``preflight`` reports each problem as a line and changes nothing."""

from __future__ import annotations

import base64

import pytest
import sqlalchemy as sa

from tests.cloud import shape
from tests.functional import operator
from tests.functional import secrets
from tests.functional import servers

ONE = (shape.Server('one', (shape.stale('one'),)),)
CEPHS = (shape.ALPHA, shape.BETA)
KEY = base64.b64encode(b'key').decode()
PREFLIGHT = ('preflight', '--host', 'cmp1')


@pytest.fixture
def build_cloud(build_cloud):
    """Return a function that builds clouds whose libvirt has the secrets."""
    def build(*arguments, **options):
        cloud = build_cloud(*arguments, **options)
        for ceph in CEPHS:
            secrets.define(cloud.folder / 'libvirt', ceph.secret_uuid, KEY)
        return cloud
    return build


def lines(answer):
    """Return each check, keyed by kind and subject."""
    return {(row['check'], row['subject']): row
            for row in answer.json['checks']}


def broken(answer):
    return {place for place, row in lines(answer).items()
            if row['works'] == 'no'}


def test_all_works(any_cloud):
    admin = operator.Operator(any_cloud)
    before = admin.holds()
    done = admin.run(*PREFLIGHT, '--host', 'cmp2', '-f', 'json')
    assert done.code == 0, done.out
    found = lines(done)
    assert {kind for kind, _ in found} == {
        'config', 'database', 'api', 'libvirt', 'ceph', 'journal', 'clock',
        'qemu'}
    for place in (('database', "Nova's cell of cmp1"),
                  ('database', "Nova's cell of cmp2"),
                  ('database', "Cinder's"), ('libvirt', 'cmp1'),
                  ('clock', 'this machine'), ('qemu', 'rbd driver')):
        assert found[place]['works'] == 'yes', found[place]
    assert found['ceph', 'quorum']['works'] == 'not asked'
    assert admin.holds() == before


def replaced(name, old, new):
    return lambda cloud: operator.set_option(cloud.folder / name, old, new)


def journal_is_a_file(cloud):
    (cloud.folder / 'journal').rmdir()
    (cloud.folder / 'journal').write_text('')


def old_fingerprint(cloud):
    (cloud.folder / 'journal' / 'clusters.json').write_text(
        '{"backends": [{"owner": "cinder", "name": "rbd-a", "pool": '
        '"volumes", "user": "cinder", "secret_uuid": null, "fsid": "old"}]}')


def later_run(cloud):
    (cloud.folder / 'journal' / 'runs').mkdir()
    (cloud.folder / 'journal' / 'runs' / '29990101-000000-beef.jsonl'
     ).write_text('')


TABLE = [
    ('broken nova.conf', replaced('nova.conf', '[DEFAULT]', 'DEFAULT]'),
     ('config', 'nova.conf')),
    ('no cinder.conf', lambda cloud: (cloud.folder / 'cinder.conf').unlink(),
     ('config', 'cinder.conf')),
    ('libvirt down', replaced('rbd-mon-fix.conf', 'qemu:///embed?root=',
                              'qemu+unix:///system?socket=/nowhere/'),
     ('libvirt', 'cmp1')),
    ('a database of nobody', replaced('cinder.conf', 'cinder.sqlite',
                                      'nowhere/cinder.sqlite'),
     ('database', "Cinder's")),
    ('journal', journal_is_a_file, ('journal', None)),
    ('fingerprint', old_fingerprint,
     ('ceph', f'fingerprint of ceph-{shape.ALPHA.fsid[:8]}')),
    ('clock', later_run, ('clock', 'this machine')),
    ('qemu', lambda cloud: None, ('qemu', 'rbd driver')),
]


@pytest.mark.parametrize('alter, place', [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])
def test_trouble(build_cloud, alter, place):
    cloud = build_cloud(ONE)
    alter(cloud)
    admin = operator.Operator(cloud)
    path = {'PATH': '/nowhere'} if place[0] == 'qemu' else {}
    done = admin.run(*PREFLIGHT, '-f', 'json', **path)
    assert done.code == 1, done.err
    kind, subject = place
    where = kind, subject or str(cloud.folder / 'journal')
    assert where in broken(done), done.out
    assert lines(done)[where]['advice']
    # Whatever the problem, the last checks run as well.
    assert any(kind == 'clock' for kind, _ in lines(done))
    assert 'sesame' not in done.out + done.err
    assert 'crashed' not in done.out


def test_a_secret_that_is_missing(build_cloud, tmp_path):
    """Following the advice makes the check pass."""
    cloud = build_cloud(ONE)
    wanted = '457eb676-33da-42ec-9a8c-9293d545c337'
    operator.set_option(cloud.folder / 'nova.conf', shape.ALPHA.secret_uuid,
                        wanted)
    admin = operator.Operator(cloud)
    done = admin.run(*PREFLIGHT, '-f', 'json')
    assert broken(done) == {('libvirt', f'secret {wanted} on cmp1')}
    row = lines(done)['libvirt', f'secret {wanted} on cmp1']
    assert row['finding'] == f'Libvirt has no secret {wanted}.'
    xml = row['advice'].partition('Write "')[2].partition('" to a file')[0]
    assert f'virsh secret-set-value {wanted} --file ' in row['advice']
    secrets.define_xml(cloud.folder / 'libvirt', xml, KEY)
    assert not broken(admin.run(*PREFLIGHT, '-f', 'json'))


def test_an_unknown_host(build_cloud):
    done = operator.Operator(build_cloud(ONE)).run(
        'preflight', '--host', 'cmp11', '-f', 'json')
    row = lines(done)['database', "Nova's cell of cmp11"]
    assert (row['works'], done.code) == ('no', 1)
    assert 'cmp1' in row['advice']


def test_no_host(build_cloud):
    cloud = build_cloud(ONE)
    admin = operator.Operator(cloud)
    here, named = (lines(admin.run(*words, '-f', 'json'))
                   for words in (('preflight',), PREFLIGHT))
    assert set(here) == set(named)
    assert here['database', "Nova's cell of cmp1"]['works'] == 'yes'
    operator.set_option(cloud.folder / 'nova.conf', 'host = cmp1',
                        'host = controller')
    done = admin.run('preflight')
    assert (done.code, done.out) == (2, '')
    assert 'Give --host H.' in done.err


def test_monitors_that_do_not_answer(build_cloud, tmp_path):
    cloud = build_cloud(ONE)
    operator.set_option(cloud.config_file, 'offline = true', '')
    operator.ask_clusters(cloud)
    for name in 'ab':
        (cloud.folder / 'ceph' / f'{name}.conf').write_text(
            f'[global]\nmon_host = 127.0.0.1:{7 if name == "a" else 9}\n')
    (tmp_path / 'ceph').write_text('#!/bin/sh\necho refused >&2\nexit 1\n')
    (tmp_path / 'ceph').chmod(0o755)
    done = operator.Operator(cloud).run(
        *PREFLIGHT, '-f', 'json', PATH=f'{tmp_path}:/usr/bin:/bin')
    assert done.code == 1
    assert {subject.split(' of ')[0] for kind, subject in broken(done)
            if kind == 'ceph'} >= {'monitor 127.0.0.1:7',
                                   'monitor 127.0.0.1:9'}
    asked = [row for row in done.json['checks']
             if row['subject'].startswith(str(cloud.folder / 'ceph'))
             and row['check'] == 'ceph']
    assert asked and all('refused' in row['finding'] for row in asked)


def read_only(engine, cloud):
    """Return the name of a user with read-only access to the databases."""
    if isinstance(engine, servers.MariaDB):
        engine.execute(
            "CREATE OR REPLACE USER reader@'127.0.0.1' IDENTIFIED BY "
            f"'{servers.PASSWORD}'",
            *[f"GRANT SELECT ON {name}.* TO reader@'127.0.0.1'"
              for name in cloud.databases.names])
    else:
        engine.execute("DROP ROLE IF EXISTS reader")
        engine.execute(
            f"CREATE ROLE reader LOGIN PASSWORD '{servers.PASSWORD}'")
        for url in (cloud.databases.api, cloud.databases.cell,
                    cloud.databases.cinder):
            operator.execute(
                url, 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader')


@pytest.mark.parametrize('name', ['mariadb', 'postgresql'])
def test_rights_that_are_missing(build_cloud, engine, name):
    cloud = build_cloud(ONE, on=name)
    read_only(engine(name), cloud)

    def reader(url):
        return sa.make_url(url).set(username='reader').render_as_string(
            hide_password=False)
    operator.execute(
        cloud.databases.api, 'UPDATE cell_mappings SET database_connection '
        '= :new WHERE id = 2', new=reader(cloud.databases.cell))
    operator.set_option(cloud.folder / 'cinder.conf', cloud.databases.cinder,
                        reader(cloud.databases.cinder))
    done = operator.Operator(cloud).run(*PREFLIGHT, '-f', 'json')
    assert done.code == 1
    assert broken(done) == {('database', "Nova's cell of cmp1"),
                            ('database', "Cinder's")}
    for place in broken(done):
        assert 'denied' in lines(done)[place]['finding']
        assert 'GRANT SELECT, UPDATE ON' in lines(done)[place]['advice']
    assert servers.PASSWORD not in done.out + done.err
    screen = operator.Operator(cloud).run(*PREFLIGHT).out.splitlines()
    assert sum(line.strip().startswith('GRANT SELECT, UPDATE ON')
               for line in screen) == 2


def test_a_database_that_is_read_only(build_cloud):
    cloud = build_cloud(ONE)
    path = sa.make_url(cloud.databases.cinder).database
    operator.set_option(cloud.folder / 'cinder.conf', cloud.databases.cinder,
                        f'sqlite:///file:{path}?mode=ro&uri=true')
    done = operator.Operator(cloud).run(*PREFLIGHT, '-f', 'json')
    assert broken(done) == {('database', "Cinder's")}
