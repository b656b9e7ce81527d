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

"""The context opens the services named in the config on demand."""

from __future__ import annotations

import socket
import sys

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import files
from rbd_mon_fix.conf import options
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.inventory import instances
from tests.unit import worlds
from tests.unit.stores import places


def write(folder, name, text):
    path = folder / 'etc' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'[DEFAULT]\n{text}\n')


@pytest.fixture
def context(tmp_path, monkeypatch):
    """Return a function that opens a context with this config file content."""
    for name in ('OS_AUTH_URL', 'OS_AUTH_TYPE'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(files, 'ETC', str(tmp_path / 'etc'))

    def opened(text='', *argv):
        path = tmp_path / 'own.conf'
        path.write_text(text)
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([*argv], project='rbd-mon-fix',
             default_config_files=[str(path)], default_config_dirs=[])
        for program in (files.NOVA, files.CINDER):
            conf.set_default(f'{program.project}_config_file', program.files)
            conf.set_default(f'{program.project}_config_dir', program.folders)
        return contexts.Context(conf)

    return opened


API = '[nova]\nauth_type = password\nauth_url = http://127.0.0.1:1/\n'


def test_nothing_at_all(context):
    found = context()
    assert (found.nova, found.cinder, found.cells, found.cinder_database,
            found.api) == (None,) * 5
    assert not found.has_openstack


@pytest.mark.parametrize('service', ['nova', 'cinder'])
def test_only_the_default_files_may_be_missing(context, service):
    found = context('', f'--{service}-config-file', '/none/x.conf')
    with pytest.raises(exceptions.ConfigError, match='/none/x.conf'):
        getattr(found, service)


def test_an_empty_name_says_that_there_is_none(context, tmp_path):
    for name in ('nova', 'cinder'):
        write(tmp_path, f'{name}/{name}.conf', 'host = cmp1')
        write(tmp_path, f'{name}/{name}.conf.d/1.conf', 'host = cmp1')
    found = context('', '--nova-config-file', '', '--cinder-config-file', '')
    assert (found.nova, found.cinder) == (None, None)


def test_the_files_that_the_services_read(context, tmp_path):
    write(tmp_path, 'nova/nova.conf', 'host = a\nmy_ip = 192.0.2.1')
    write(tmp_path, 'nova/nova-compute.conf', 'host = b')
    write(tmp_path, 'nova/nova.conf.d/9.conf', 'host = c')
    write(tmp_path, 'cinder/cinder.conf', '')
    write(tmp_path, 'cinder/cinder.conf.d/1.conf', 'enabled_backends = x')
    write(tmp_path, 'cinder/cinder-volume.conf.d/1.conf', '[x]\n'
          'volume_driver = cinder.volume.drivers.rbd.RBDDriver')
    found = context()
    assert [path.rpartition('/etc/')[2] for path in found.nova_files] == [
        'nova/nova.conf', 'nova/nova-compute.conf', 'nova/nova.conf.d/9.conf']
    assert found.nova.host == 'c'
    assert [backend.name for backend in found.cinder.backends] == ['x']


@pytest.mark.parametrize('service', ['nova', 'cinder'])
def test_a_folder_of_one_s_own(context, tmp_path, service):
    write(tmp_path, f'{service}/{service}.conf', '')
    write(tmp_path, f'{service}/{service}.conf.d/1.conf', '')
    write(tmp_path, 'mine/a.conf', '')
    found = context(f'[DEFAULT]\n{service}_config_dir = /none\n',
                    f'--{service}-config-dir', str(tmp_path / 'etc/mine'))
    assert [path.rpartition('/etc/')[2]
            for path in getattr(found, f'{service}_files')] == [
        f'{service}/{service}.conf', 'mine/a.conf']


@pytest.mark.parametrize('content, words', [
    ('password = TOP$SECRET', 'NoSuchOptError'),
    ('password = ${SECRET}x', 'NoSuchOptError'),
    ('username = u\npassword = p\ntimeout = abc',
     "timeout from /.*/own.conf is not .*'abc'"),
])
def test_credentials_that_cannot_be_used(context, content, words):
    with pytest.raises(exceptions.ConfigError, match=words) as caught:
        assert context(API + content).api
    assert 'SECRET' not in str(caught.value)
    assert '[nova]' in caught.value.message


@pytest.mark.parametrize('text, host, expected', [
    ('', 'cmp1', 'qemu:///system'),
    ('libvirt_uri = qemu+tls://{host}/system', 'cmp1',
     'qemu+tls://cmp1/system'),
    ('libvirt_uri = qemu+tls://{host}.x/system?a={host}', 'c',
     'qemu+tls://c.x/system?a=c'),
    ('libvirt_uri = test:///default', 'cmp1', 'test:///default'),
])
def test_where_the_libvirt_of_a_host_is(context, text, host, expected):
    assert context(f'[DEFAULT]\n{text}\n').libvirt_uri(host) == expected


def test_nova_s_word_on_libvirt_s_uri(context, tmp_path):
    nova = tmp_path / 'nova.conf'
    nova.write_text('[libvirt]\nconnection_uri = qemu+tcp://{host}/system\n')
    found = context('', '--nova-config-file', str(nova))
    assert found.libvirt_uri('c') == 'qemu+tcp://c/system'
    assert found.has_openstack


def test_nobody_is_asked_offline(context):
    assert context('[DEFAULT]\noffline = true\n').answering is None


def test_each_libvirt_is_opened_once_and_closed(world, monkeypatch):
    world.domains('cmp1')
    opened, closed = [], []
    connect = world.connect
    monkeypatch.setattr(world, 'connect', lambda uri: (
        opened.append(uri) or connect(uri)))
    monkeypatch.setattr(places.DomainPlace, 'close',
                        lambda place: closed.append(place))
    with pytest.raises(KeyError):
        with world.context() as made:
            assert made.hypervisor('cmp1') is made.hypervisor('cmp1')
            with pytest.raises(exceptions.Unreachable):
                made.hypervisor('cmp2')
            raise KeyError
    assert opened == ['libvirt://cmp1/', 'libvirt://cmp2/']
    assert closed == [world.domains('cmp1')]


def other_hosts(world, uri='qemu+tcp://cmp1/system'):
    """Give all hosts the libvirt of cmp1; return a context."""
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    return world.context(libvirt_uri=uri)


def test_the_libvirt_of_another_host_is_refused(world):
    made = other_hosts(world)
    for _ in range(2):
        assert made.hypervisor('cmp1') is world.domains('cmp1')
        with pytest.raises(exceptions.Unreachable,
                           match='compute host cmp2 is on cmp1, not on cmp2'):
            made.hypervisor('cmp2')


def test_the_compute_node_tells_whose_libvirt_it_is(world):
    """In nova.conf the host's own name may be any word."""
    made = other_hosts(world)
    for host, node in (('cmp1', 'node17.example.org'), ('cmp2', 'cmp1')):
        world.nova.tables.insert('compute_nodes', host=host, deleted=0,
                                 hypervisor_hostname=node)
    assert made.hypervisor('cmp2') is world.domains('cmp1')
    with pytest.raises(exceptions.Unreachable, match='node17.example.org'):
        made.hypervisor('cmp1')


def test_a_libvirt_is_asked_for_its_name_once_a_host(world, monkeypatch):
    asked = []
    monkeypatch.setattr(places.DomainPlace, 'hostname', lambda place: (
        asked.append(place.host) or place.host))
    made = other_hosts(world, 'qemu+tls://{host}/system')
    for host in ('cmp1', 'cmp2', 'cmp1', 'cmp2'):
        made.hypervisor(host)
    assert asked == ['cmp1', 'cmp2']


@pytest.mark.parametrize('uri', ['qemu+x://cmp1/embed', 'test://cmp1/x'])
def test_a_libvirt_that_stands_for_any_host(world, uri):
    made = other_hosts(world, uri)
    assert made.hypervisor('cmp2') is made.hypervisor('cmp1')


def test_the_libvirt_of_no_host_in_particular(tmp_path):
    world = worlds.World(tmp_path)
    made = other_hosts(world)
    assert made.hypervisor('') is world.domains('cmp1')


@pytest.mark.parametrize('host, name', [('cmp1', 'cmp1'), (None, 'box')])
def test_this_machine(world, monkeypatch, host, name):
    monkeypatch.setattr(socket, 'gethostname', lambda: 'box')
    if host:
        world.write_nova_conf(host=host)
    assert world.context().local_host.name == name


@pytest.mark.parametrize('openstack, stated, found', [
    (False, {}, True), (True, {}, False), (True, {'user': 'u'}, True),
    (True, {'secret_uuid': 'S'}, True), (True, {'pools': ['p']}, True)])
def test_a_ceph_conf_without_openstack(tmp_path, nova, openstack, stated,
                                       found):
    """With OpenStack its owner is unclear unless the operator names it."""
    world = worlds.World(tmp_path, nova if openstack else None)
    world.ceph.update(stated)
    assert (world.context().plain() is not None) is found


def test_a_monitors_file_needs_no_ceph_conf(tmp_path):
    world = worlds.World(tmp_path)
    (tmp_path / 'ceph.conf').unlink()
    assert world.context().plain() is not None
    assert world.context(monitors_file='x.json').plain() is None


@pytest.mark.parametrize('database, api, kind', [
    (True, True, instances.CellInventory),
    (False, True, instances.ApiInventory),
    (False, False, instances.LibvirtInventory)])
def test_the_best_inventory_that_the_config_allows(tmp_path, nova, database,
                                                   api, kind):
    world = worlds.World(tmp_path, nova if database else None,
                         api=worlds.Api() if api else None)
    assert type(world.context().inventory) is kind


def test_databases_need_no_login(world, monkeypatch):
    """A variable in the environment of an operator does no harm."""
    monkeypatch.setenv('OS_CLOUD', 'mine')
    monkeypatch.setitem(sys.modules, 'openstack', None)
    found = world.context()
    assert type(found.inventory) is instances.CellInventory
    with pytest.raises(exceptions.ConfigError, match='cloud mine'):
        assert found.api
