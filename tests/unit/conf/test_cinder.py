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

"""Reading cinder.conf."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import cinder

RBD = 'volume_driver = cinder.volume.drivers.rbd.RBDDriver\n'
LVM = 'volume_driver = cinder.volume.drivers.lvm.LVMVolumeDriver\n'


def load(folder, text):
    path = folder / 'cinder.conf'
    path.write_text(text)
    return cinder.load([str(path)])


def backend(name, **changes):
    return cinder.CinderBackend(**{
        'name': name, 'ceph_conf': '', 'cluster_name': 'ceph', 'user': None,
        'secret_uuid': None, 'pool': 'rbd', **changes})


@pytest.mark.parametrize('text, backends', [
    ('[DEFAULT]\n', []),
    (f'[DEFAULT]\nenabled_backends = lvm\n[lvm]\n{LVM}', []),
    # Without volume_driver, Cinder uses its default, LVM.
    ('[DEFAULT]\nenabled_backends = a\n[a]\nrbd_pool = x\n', []),
    ('[DEFAULT]\nenabled_backends = a\n', []),
    (f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}', [backend('a')]),
    # Sections that are not enabled are ignored.
    (f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}[b]\n{RBD}',
     [backend('a')]),
    (f'[DEFAULT]\nenabled_backends = ceph-ssd, lvm ,b,\n'
     f'[ceph-ssd]\n{RBD}rbd_pool = ssd\nrbd_user = u\nrbd_secret_uuid = S\n'
     f'rbd_ceph_conf = /etc/ceph/ssd.conf\nrbd_cluster_name = fast\n'
     f'[lvm]\n{LVM}[b]\n{RBD}',
     [backend('ceph-ssd', pool='ssd', user='u', secret_uuid='S',
              ceph_conf='/etc/ceph/ssd.conf', cluster_name='fast'),
      backend('b')]),
    # Missing options come from backend_defaults, never from DEFAULT.
    (f'[DEFAULT]\nenabled_backends = a,b\nrbd_pool = no\n'
     f'[backend_defaults]\n{RBD}rbd_pool = shared\nrbd_user = cinder\n'
     f'[a]\nrbd_pool = own\n[b]\nrbd_user = other\n',
     [backend('a', pool='own', user='cinder'),
      backend('b', pool='shared', user='other')]),
    (f'[DEFAULT]\nenabled_backends = a\n'
     f'[backend_defaults]\n{RBD}[a]\n{LVM}', []),
    # Without enabled_backends, DEFAULT holds all options.
    (f'[DEFAULT]\n{RBD}rbd_pool = volumes\nrbd_user = cinder\n',
     [backend('', pool='volumes', user='cinder')]),
    ('[DEFAULT]\nvolume_driver = cinder.volume.driver.RBDDriver\n',
     [backend('')]),
    # An empty value counts as not set.
    (f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}rbd_user =\n'
     f'rbd_secret_uuid =\n', [backend('a')]),
])
def test_backends(tmp_path, text, backends):
    path = tmp_path / 'cinder.conf'
    path.write_text(text)
    assert list(cinder.load([str(path)]).backends) == backends


@pytest.mark.parametrize('text', [
    'BD341DC4-82CE-4FA7-A378-7A6E331821FB', 'bd341dc482ce4fa7a3787a6e331821fb'
])
def test_a_secret_in_another_spelling(tmp_path, text):
    path = tmp_path / 'cinder.conf'
    path.write_text(f'[DEFAULT]\n{RBD}rbd_secret_uuid = {text}\n')
    [found] = cinder.load([str(path)]).backends
    assert found.secret_uuid == 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'


@pytest.mark.parametrize('text, expected', [
    # An option of the same section, whatever the order.
    ('[a]\nrbd_ceph_conf = /$rbd_cluster_name.conf\nrbd_cluster_name = x\n',
     {'ceph_conf': '/x.conf', 'cluster_name': 'x'}),
    ('[a]\nrbd_ceph_conf = /${rbd_cluster_name}.conf\n'
     'rbd_cluster_name = x\n', {'ceph_conf': '/x.conf', 'cluster_name': 'x'}),
    # In a section, RBD options have no default, and hide those of DEFAULT.
    ('[a]\nrbd_ceph_conf = /$rbd_cluster_name.conf\n',
     {'ceph_conf': '/.conf'}),
    ('[backend_defaults]\nrbd_ceph_conf = /$rbd_cluster_name.conf\n',
     {'ceph_conf': '/ceph.conf'}),
    ('[backend_defaults]\nrbd_ceph_conf = /$rbd_cluster_name.conf\n'
     '[a]\nrbd_cluster_name = x\n',
     {'ceph_conf': '/ceph.conf', 'cluster_name': 'x'}),
    ('[a]\nrbd_pool = volumes-$volume_backend_name\n'
     'volume_backend_name = fast\n', {'pool': 'volumes-fast'}),
    # An option of another section, and of DEFAULT.
    ('[a]\nrbd_pool = $b.rbd_pool\n[b]\nrbd_pool = x\n', {'pool': 'x'}),
    ('[a]\nrbd_pool = $region_name\n[DEFAULT]\nregion_name = r\n',
     {'pool': 'r'}),
    ('[a]\nrbd_ceph_conf = $state_path/x\n',
     {'ceph_conf': '/var/lib/cinder/x'}),
    ('[a]\nrbd_pool = $storage_availability_zone\n', {'pool': 'nova'}),
    ('[a]\nrbd_pool = a$$b\n', {'pool': 'a$b'}),
])
def test_references(tmp_path, text, expected):
    conf = load(tmp_path, f'[DEFAULT]\nenabled_backends = a\n'
                          f'[backend_defaults]\n{RBD}{text}')
    assert conf.backends == (backend('a', **expected),)


@pytest.mark.parametrize('value', [
    'TOPSECRET$no_such', 'TOPSECRET$no_such.option', 'TOPSECRET$rbd_pool'])
def test_references_that_do_not_resolve(tmp_path, value):
    with pytest.raises(exceptions.ConfigError) as caught:
        load(tmp_path, f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}'
                       f'rbd_pool = {value}\n')
    assert 'rbd_pool in [a]' in caught.value.message
    assert 'TOPSECRET' not in str(caught.value)


@pytest.mark.parametrize('name', [
    'database', 'oslo_concurrency', 'backend_defaults', 'keymgr', 'host',
    'enabled_backends', 'volume_driver', 'my_ip', 'DEFAULT', 'Ceph-SSD'])
@pytest.mark.parametrize('backends', ['{}', 'a,{}', '{},a', '{0},{0}'])
def test_names_that_others_use(tmp_path, name, backends):
    conf = load(tmp_path, f'[DEFAULT]\nenabled_backends = '
                          f'{backends.format(name)}\nhost = h\n'
                          f'[{name}]\n{RBD}rbd_pool = x\nrbd_user = u\n'
                          f'[database]\nconnection = c\n')
    assert backend(name, pool='x', user='u', host='h') in conf.backends
    assert conf.database_connection == 'c'


@pytest.mark.parametrize('text', [
    '[host]\nx = y\n', '[enabled_backends]\nx = y\n', '[a.b]\nc.d = y\n',
    '[x]\n_y = z\n-z = y\n', '[DEFAULT]\nconfig_dir = x\nprog = y\n',
    '[Database]\nconnection = c\n'])
def test_whatever_else_is_in_the_file(tmp_path, text):
    conf = load(tmp_path, f'[DEFAULT]\nenabled_backends = a\nhost = h\n'
                          f'[a]\n{RBD}{text}')
    assert conf.backends == (backend('a', host='h'),)


@pytest.mark.parametrize('text, expected', [
    ('', {'a': None, 'b': None}),
    ('[DEFAULT]\nhost = ctl\n', {'a': 'ctl', 'b': 'ctl'}),
    ('[DEFAULT]\nhost =\n', {'a': None, 'b': None}),
    ('[a]\nbackend_host = hostgroup\n', {'a': 'hostgroup', 'b': None}),
    ('[DEFAULT]\nhost = ctl\n[a]\nbackend_host = hostgroup\n',
     {'a': 'hostgroup', 'b': 'ctl'}),
    ('[a]\nbackend_host = $my_ip\n[DEFAULT]\nmy_ip = 192.0.2.1\n',
     {'a': '192.0.2.1', 'b': None}),
    # Only the section's own value and the host in DEFAULT count.
    ('[DEFAULT]\nbackend_host = x\n[backend_defaults]\nbackend_host = y\n'
     '[a]\nhost = z\n', {'a': None, 'b': None}),
])
def test_the_host(tmp_path, text, expected):
    conf = load(tmp_path, f'[DEFAULT]\nenabled_backends = a,b\n'
                          f'[backend_defaults]\n{RBD}{text}')
    assert {each.name: each.host for each in conf.backends} == expected


def test_the_host_without_sections(tmp_path):
    conf = load(tmp_path, f'[DEFAULT]\n{RBD}host = ctl\n')
    assert conf.backends == (backend('', host='ctl'),)


def test_a_reference_to_the_host_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(cinder.socket, 'gethostname', lambda: 'box')
    conf = load(tmp_path, f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}'
                          'rbd_pool = $host\n')
    assert conf.backends == (backend('a', pool='box'),)


USER = 'rbd_user = u\nrbd_secret_uuid = S\n'
DEVICE = 'replication_device = '


@pytest.mark.parametrize('text, expected', [
    (f'[a]\n{DEVICE}backend_id:far\n',
     [('far', '/etc/ceph/far.conf', 'cinder', None)]),
    (f'[a]\n{USER}{DEVICE}backend_id:far\n',
     [('far', '/etc/ceph/far.conf', 'u', 'S')]),
    (f'[a]\n{USER}{DEVICE}backend_id:far,conf:/x.conf, user:v ,'
     f'secret_uuid:T,pool:p\n', [('far', '/x.conf', 'v', 'T')]),
    (f'[a]\n{USER}{DEVICE}backend_id:far\n{DEVICE}backend_id:farther\n',
     [('far', '/etc/ceph/far.conf', 'u', 'S'),
      ('farther', '/etc/ceph/farther.conf', 'u', 'S')]),
    (f'[backend_defaults]\n{DEVICE}backend_id:far\n',
     [('far', '/etc/ceph/far.conf', 'cinder', None)]),
    (f'[backend_defaults]\n{DEVICE}backend_id:far\n'
     f'[a]\n{DEVICE}backend_id:own\n',
     [('own', '/etc/ceph/own.conf', 'cinder', None)]),
    (f'[a]\n{DEVICE}backend_id:far,conf:/$rbd_cluster_name.conf\n'
     'rbd_cluster_name = x\n', [('far', '/x.conf', 'cinder', None)]),
])
def test_replicas(tmp_path, text, expected):
    conf = load(tmp_path, f'[DEFAULT]\nenabled_backends = a\n'
                          f'[backend_defaults]\n{RBD}{text}')
    (found,) = conf.backends
    assert [(each.name, each.conf, each.user, each.secret_uuid)
            for each in found.replicas] == expected


def test_replicas_without_sections(tmp_path):
    conf = load(tmp_path, f'[DEFAULT]\n{RBD}{DEVICE}backend_id:far\n')
    assert [each.name for each in conf.backends[0].replicas] == ['far']


def test_replicas_of_other_drivers_are_not_looked_at(tmp_path):
    conf = load(tmp_path, f'[DEFAULT]\nenabled_backends = b\n[b]\n{LVM}'
                          f'{DEVICE}TOPSECRET\n')
    assert conf.backends == ()


@pytest.mark.parametrize('value, words', [
    ('conf:/TOPSECRET', 'backend_id'), ('TOPSECRET', 'in full'),
    ('backend_id:x,conf:TOPSECRET$none', 'in full')])
def test_replicas_that_cinder_would_refuse(tmp_path, value, words):
    with pytest.raises(exceptions.ConfigError) as caught:
        load(tmp_path, f'[DEFAULT]\nenabled_backends = a\n[a]\n{RBD}'
                       f'{DEVICE}{value}\n')
    assert 'replication_device in [a]' in caught.value.message
    assert words in caught.value.hint
    assert 'TOPSECRET' not in str(caught.value)


def test_the_database_is_read_and_not_shown(tmp_path):
    path = tmp_path / 'cinder.conf'
    path.write_text('[database]\nconnection = mysql://c:pw@db/cinder\n')
    conf = cinder.load([str(path)])
    assert conf.database_connection == 'mysql://c:pw@db/cinder'
    assert 'pw' not in repr(conf)


def test_a_missing_file(tmp_path):
    with pytest.raises(exceptions.ConfigError) as caught:
        cinder.load([str(tmp_path / 'none.conf')])
    assert '--cinder-config-file' in caught.value.hint
