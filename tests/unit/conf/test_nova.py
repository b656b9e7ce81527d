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

"""Reading nova.conf."""

import sys

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import nova


@pytest.fixture
def write(tmp_path):
    def written(text, name='nova.conf'):
        path = tmp_path / name
        path.write_text(text)
        return str(path)
    return written


def test_defaults_are_nova_s(write):
    conf = nova.load([write('[DEFAULT]\n')])
    assert conf == nova.NovaConf(
        host=None, instances_path='/var/lib/nova/instances',
        images_type='default',
        images_rbd_pool='rbd', images_rbd_ceph_conf='', rbd_user=None,
        rbd_secret_uuid=None, connection_uri='', database_connection=None,
        api_database_connection=None)


def test_everything_set_and_unknown_options_ignored(write):
    conf = nova.load([write(
        '[DEFAULT]\nhost = c1\nstate_path = /srv/nova\nmy_ip = 192.0.2.7\n'
        'no_such_option = 1\n[no_such_group]\na = b\n'
        '[libvirt]\nimages_type = rbd\nimages_rbd_pool = vms\n'
        'images_rbd_ceph_conf = /etc/ceph/ssd.conf\nrbd_user = nova\n'
        'rbd_secret_uuid = S\nconnection_uri = qemu+tcp://$my_ip/system\n'
        '[database]\nconnection = mysql://n:pw@db/nova\n'
        '[api_database]\nconnection = mysql://n:pw@db/nova_api\n')])
    assert conf == nova.NovaConf(
        host='c1', instances_path='/srv/nova/instances',
        images_type='rbd',
        images_rbd_pool='vms', images_rbd_ceph_conf='/etc/ceph/ssd.conf',
        rbd_user='nova', rbd_secret_uuid='S',
        connection_uri='qemu+tcp://192.0.2.7/system',
        database_connection='mysql://n:pw@db/nova',
        api_database_connection='mysql://n:pw@db/nova_api')
    assert 'pw' not in repr(conf)


@pytest.mark.parametrize('text, field, expected', [
    ('[DEFAULT]\nstate_path = /s\ninstances_path = $state_path/i\n',
     'instances_path', '/s/i'),
    ('[DEFAULT]\nstate_path = $pybasedir\npybasedir = /py\n',
     'instances_path', '/py/instances'),
    ('[DEFAULT]\ninstances_path = /i/$host\n', 'instances_path', '/i/box'),
    ('[DEFAULT]\ninstances_path = /i/$host\nhost = h\n', 'instances_path',
     '/i/h'),
    ('[libvirt]\nconnection_uri = x://$my_block_storage_ip/\n',
     'connection_uri', 'x://192.0.2.9/'),
    ('[DEFAULT]\nmy_ip = 192.0.2.7\n'
     '[libvirt]\nconnection_uri = x://$my_block_storage_ip/\n',
     'connection_uri', 'x://192.0.2.7/'),
    # The option's own group takes precedence.
    ('[DEFAULT]\nregion = far\n'
     '[libvirt]\nimages_rbd_pool = vms-$region\nregion = near\n',
     'images_rbd_pool', 'vms-near'),
    ('[DEFAULT]\nregion = far\n[libvirt]\nimages_rbd_pool = vms-$region\n',
     'images_rbd_pool', 'vms-far'),
    ('[libvirt]\nimages_rbd_pool = $ceph.pool\n[Ceph]\npool = x\n',
     'images_rbd_pool', 'x'),
    ('[database]\nconnection = mysql://$user:a$$b@db\nuser = n\n',
     'database_connection', 'mysql://n:a$b@db'),
    ('[database]\nconnection = sqlite:///$state_path/x\n',
     'database_connection', 'sqlite:////var/lib/nova/x'),
])
def test_references(write, monkeypatch, text, field, expected):
    monkeypatch.setattr(nova.socket, 'gethostname', lambda: 'box')
    monkeypatch.setattr(nova.netutils, 'get_my_ipv4', lambda: '192.0.2.9')
    assert getattr(nova.load([write(text)]), field) == expected


def test_a_reference_across_files(write):
    first = write('[DEFAULT]\nstate_path = $base/nova\n', 'a.conf')
    second = write('[DEFAULT]\nbase = /srv\n', 'b.conf')
    assert nova.load([first, second]).instances_path == '/srv/nova/instances'


@pytest.mark.parametrize('is_here', [True, False])
def test_where_nova_s_package_is(write, tmp_path, monkeypatch, is_here):
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    monkeypatch.setattr(nova, '_PACKAGES', '/none/dist-packages')
    monkeypatch.setattr(nova, '_MORE_PACKAGES', '/none/*')
    if is_here:
        (tmp_path / 'nova').mkdir()
        (tmp_path / 'nova' / '__init__.py').write_text('')
    conf = nova.load([write('[DEFAULT]\nstate_path = $pybasedir\n')])
    folder = tmp_path if is_here else '/none/dist-packages'
    assert conf.instances_path == f'{folder}/instances'


@pytest.mark.parametrize('text', [
    'instances_path = TOPSECRET$none', 'instances_path = $instances_path',
    'instances_path = TOPSECRET$libvirt', 'instances_path = $a\na = $b\n'
    'b = TOPSECRET$a', 'instances_path = TOPSECRET$none.option'])
def test_references_that_do_not_resolve(write, text):
    with pytest.raises(exceptions.ConfigError) as caught:
        nova.load([write(f'[DEFAULT]\n{text}\n[libvirt]\nrbd_user = u\n')])
    assert 'instances_path in [DEFAULT]' in caught.value.message
    assert 'TOPSECRET' not in str(caught.value)


def test_a_later_file_wins(write):
    first = write('[DEFAULT]\nhost = a\n', 'a.conf')
    second = write('[DEFAULT]\nhost = b\n', 'b.conf')
    assert nova.load([first, second]).host == 'b'


def test_the_environment_is_not_read(write, monkeypatch):
    monkeypatch.setenv('OS_DATABASE__CONNECTION', 'mysql://elsewhere')
    assert nova.load([write('[DEFAULT]\n')]).database_connection is None


@pytest.mark.parametrize('text, words', [
    ('[DEFAULT]\npassword TOPSECRET\n', 'line 2'),
    ('[database]\nconnection = mysql://n:TOPSECRET$x@db\n', 'connection'),
    ('[database\nconnection = TOPSECRET\n', 'line 1'),
])
def test_malformed_files_are_not_quoted(write, text, words):
    path = write(text)
    with pytest.raises(exceptions.ConfigError) as caught:
        nova.load([path])
    assert path in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint
    assert 'TOPSECRET' not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    missing = str(tmp_path / 'missing.conf')
    with pytest.raises(exceptions.ConfigError, match='does not exist') as e:
        nova.load([missing])
    assert missing in e.value.message
    assert '--nova-config-file' in e.value.hint
    with pytest.raises(exceptions.ConfigError, match='is a folder') as e:
        nova.load([str(tmp_path)])
    assert str(tmp_path) in e.value.message
    assert '--nova-config-dir' in e.value.hint
    binary = tmp_path / 'binary.conf'
    binary.write_bytes(b'[DEFAULT]\nhost = \xff\n')
    with pytest.raises(exceptions.ConfigError, match='cannot be read'):
        nova.load([str(binary)])


@pytest.mark.parametrize('text', [
    'BD341DC4-82CE-4FA7-A378-7A6E331821FB', 'bd341dc482ce4fa7a3787a6e331821fb'
])
def test_a_secret_in_another_spelling(tmp_path, text):
    path = tmp_path / 'nova.conf'
    path.write_text(f'[libvirt]\nrbd_secret_uuid = {text}\n')
    assert nova.load([str(path)]).rbd_secret_uuid == (
        'bd341dc4-82ce-4fa7-a378-7a6e331821fb')
