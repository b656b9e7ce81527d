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

"""Each mistake: one clear sentence, its exit code, nothing changed."""

from __future__ import annotations

import pytest

from tests.cloud import config
from tests.cloud import shape
from tests.functional import operator

REFRESH = ('refresh', '--host', 'cmp1')


def missing(name):
    return lambda cloud: (cloud.folder / name).unlink()


def replaced(name, old, new):
    return lambda cloud: operator.set_option(cloud.folder / name, old, new)


def unchanged(cloud):
    pass


def journal_is_a_file(cloud):
    (cloud.folder / 'journal').rmdir()
    (cloud.folder / 'journal').write_text('')


def without_instances_table(cloud):
    url = cloud.databases.cinder
    for field in ('cell', 'cell0'):
        path = cloud.folder / 'nova.conf'
        text = path.read_text()
        path.write_text(text.replace(getattr(cloud.databases, field), url))
    operator.execute(cloud.databases.api,
                     "UPDATE cell_mappings SET database_connection = :url",
                     url=url)


TABLE = [
    ('no nova.conf', missing('nova.conf'), REFRESH, 2, 'nova.conf'),
    ('no cinder.conf', missing('cinder.conf'), REFRESH, 2, 'cinder.conf'),
    ('no ceph.conf', lambda cloud: [operator.ask_clusters(cloud),
                                    missing('ceph/a.conf')(cloud),
                                    missing('ceph/b.conf')(cloud)],
     REFRESH, 2, 'ceph/'),
    ('broken nova.conf', replaced('nova.conf', '[DEFAULT]', 'DEFAULT]'),
     REFRESH, 2, 'nova.conf'),
    ('no monitors', lambda cloud: [operator.ask_clusters(cloud), *(
        (cloud.folder / 'ceph' / f'{name}.conf').write_text(
            '[global]\nmon_host = , ;\nmon_dns_srv_name = \n')
        for name in 'ab')], REFRESH, 2, 'mon_host'),
    ('libvirt down', replaced('rbd-mon-fix.conf', 'qemu:///embed?root=',
                              'qemu+unix:///system?socket=/nowhere/'),
     REFRESH, 5, 'libvirt'),
    ('near miss', unchanged, ('refresh', '--host', 'cmp11'), 2,
     'Did you mean cmp1'),
    ('no such name', unchanged, (*REFRESH, '--instance', 'vm-1'), 2,
     "has the name 'vm-1'"),
    ('no name', unchanged, (*REFRESH, '--instance', ''), 2, 'is empty'),
    ('an empty host', unchanged, ('refresh', '--host', ''), 2,
     'has an empty name'),
    ('no file of hosts', unchanged, ('refresh', '--host', '@/none'), 2,
     'cannot read /none'),
    ('live XML', unchanged, (*REFRESH, '--store', 'live-domain'), 2,
     'cannot be changed'),
    ('no such column', unchanged, (*REFRESH, '-f', 'csv', '-c', 'colour'), 2,
     'There is no column colour'),
    ('no columns', unchanged, (*REFRESH, '-f', 'json', '-c', 'host'), 2,
     '-f json has no columns'),
    ('no such cloud', lambda cloud: operator.set_option(
        cloud.config_file, 'offline', 'os_cloud = nowhere\noffline'),
     (*REFRESH, '--lock'), 2, 'cloud nowhere'),
    ('a bad value', replaced('rbd-mon-fix.conf', 'offline = true',
                             'offline = maybe'), REFRESH, 2,
     'Invalid value of option offline in [DEFAULT] of '),
    ('no such server', unchanged,
     (*REFRESH, '--instance', '00000000-0000-4000-8000-000000000000'), 2,
     'There is no server'),
    ('server of another host', unchanged,
     (*REFRESH, '--instance', shape.Server('elsewhere').uuid), 2,
     'is on host cmp2'),
    ('no host', replaced('nova.conf', 'host = cmp1', 'host = controller'),
     ('refresh',), 2, 'Give --host H, or --all-hosts'),
    ('both', unchanged, (*REFRESH, '--all-hosts'), 2, '--all-hosts'),
    ('unknown store', unchanged, (*REFRESH, '--store', 'glance'), 2,
     'glance'),
    ('journal', journal_is_a_file, REFRESH, 2, '--journal-dir'),
    ('wrong schema', without_instances_table, REFRESH, 2,
     'has no table'),
    ('no run', unchanged, ('rollback', '20260101-000000-beef'), 2,
     'no run'),
    ('lock without API', unchanged, (*REFRESH, '--lock'), 2, '[nova]'),
    ('an fsid twice', lambda cloud: operator.set_option(
        cloud.config_file, 'offline', f'''\
former_monitors = {shape.ALPHA.fsid} 192.0.2.1
former_monitors = {shape.ALPHA.fsid} 192.0.2.2
offline'''), REFRESH, 2, 'twice'),
    ('an address of two clusters', lambda cloud: operator.set_option(
        cloud.config_file, 'offline', f'''\
former_monitors = {shape.ALPHA.fsid} 192.0.2.1:6789
former_monitors = {shape.BETA.fsid} 192.0.2.1
offline'''), REFRESH, 2, 'for two clusters'),
    ('monitors file', replaced('rbd-mon-fix.conf', 'offline',
                               'monitors_file = /dev/null\noffline'),
     REFRESH, 2, '/dev/null'),
]


@pytest.mark.parametrize('alter, words, code, sentence',
                         [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])
def test_mistakes(cloud, alter, words, code, sentence):
    admin = operator.Operator(cloud)
    before = admin.holds()
    alter(cloud)
    done = admin.run(*words)
    assert done.code == code, done.err
    assert not done.out or done.json['error']['code'] == code
    assert sentence in done.err
    assert 'Traceback' not in done.err
    assert 'sesame' not in done.err
    last = done.err.strip().splitlines()[-1]
    assert last.startswith('rbd-mon-fix')
    (cloud.folder / 'journal').is_dir() or (
        cloud.folder / 'journal').unlink()
    config.write(cloud.folder, cloud.databases)
    assert without_mappings(admin.holds()) == without_mappings(before)


def without_mappings(held):
    return {**held, 'api': None}


@pytest.mark.parametrize('server', ['mariadb', 'postgresql'])
@pytest.mark.parametrize('alter, code, sentence', [
    (lambda url: url.set(password='wrong'), 5, 'database'),
    (lambda url: url.set(host='127.0.0.1', port=1, query={}), 5,
     'cannot be reached'),
    (lambda url: url.set(database='nowhere'), (2, 5), 'nowhere'),
    (lambda url: url.set(drivername=url.get_backend_name() + '+nodriver'),
     2, 'driver'),
], ids=['password', 'down', 'name', 'driver'])
def test_database_trouble(build_cloud, server, alter, code, sentence):
    from sqlalchemy.engine import url as sa_url
    cloud = build_cloud((shape.Server('one', (shape.stale('one'),)),),
                        on=server)
    url = sa_url.make_url(cloud.databases.api)
    wrong = alter(url)
    operator.set_option(cloud.folder / 'nova.conf', cloud.databases.api,
                        wrong.render_as_string(hide_password=False))
    done = operator.Operator(cloud).run('status', '--host', 'cmp1')
    codes = code if isinstance(code, tuple) else (code,)
    assert done.code in codes and not done.out, done.err
    assert sentence in done.err
    assert 'Traceback' not in done.err
    for secret in filter(None, (url.password, 'wrong')):
        assert f':{secret}@' not in done.err
