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

"""The settings that a client reads from a ceph.conf."""

import socket

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.ceph import dns

FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'


@pytest.fixture
def load(tmp_path):
    def loaded(text, **kwargs):
        path = tmp_path / 'ceph.conf'
        path.write_text(text)
        return ceph_conf.load(str(path), **kwargs)
    return loaded


def hosts(conf):
    return [str(addr) for addr in conf.monmap().addrs]


@pytest.mark.parametrize('text, expected', [
    ('[global]\nmon host = 10.0.0.1\n', ['10.0.0.1:6789']),
    # The nearest section of the client wins.
    ('[client.cinder]\nmon_host=10.0.0.8\n[client]\nmon_host=10.0.0.9\n'
     '[global]\nmon_host=10.0.0.1\n', ['10.0.0.8:6789']),
    ('[client]\nmon_host=10.0.0.9\n[global]\nmon_host=10.0.0.1\n',
     ['10.0.0.9:6789']),
    ('[client.other]\nmon_host=10.0.0.8\n[mon]\nmon_host=10.0.0.9\n'
     '[global]\nmon_host=10.0.0.1\n', ['10.0.0.1:6789']),
    # An override of the site outranks mon_host, wherever it is.
    ('[global]\nmon_host_override = 10.0.0.2\n'
     '[client.cinder]\nmon_host=10.0.0.8\n', ['10.0.0.2:6789']),
    ('[client.other]\nmon_host_override = 10.0.0.2\n'
     '[global]\nmon_host=10.0.0.1\n', ['10.0.0.1:6789']),
    ('[global]\nmon_host_override=\nmon_host=10.0.0.1\n',
     ['10.0.0.1:6789']),
    # Sections of monitors, used if there is no mon_host.
    ('[mon.b]\nmon_addr=10.0.0.9\n[mon.a]\nmon addr=10.0.0.7:1234\n',
     ['10.0.0.7:1234', '10.0.0.9:6789']),
    ('[global]\nmon_host=10.0.0.3\n[mon.a]\nmon_addr=10.0.0.4\n',
     ['10.0.0.3:6789']),
    ('[global]\nmon_host=\n[mon.a]\nmon_addr=10.0.0.4\n',
     ['10.0.0.4:6789']),
    ('[mon.a]\nhost=x\n[mon]\nmon_addr=10.0.0.99\n', ['10.0.0.99:6789']),
    ('[mon.a]\nmon_addr=bogus\n[mon.b]\nmon_addr=10.0.0.3\n',
     ['10.0.0.3:6789']),
    ('[mon.a]\nmon_addr=10.0.0.3\n[mon.b]\nmon_addr=10.0.0.3\n',
     ['10.0.0.3:6789']),
])
def test_places(load, text, expected):
    assert hosts(load(text, user='cinder')) == expected


def test_without_a_user_it_is_admin(load):
    text = '[client.admin]\nmon_host=10.0.0.8\n[global]\nmon_host=10.0.0.1\n'
    assert hosts(load(text)) == ['10.0.0.8:6789']
    assert hosts(load(text, user='cinder')) == ['10.0.0.1:6789']


def test_metavariables(load):
    conf = load('[client]\nmon_host = 10.0.0.1\n'
                'a = $cluster/${id}-$type.$name.$host\nb = $other ${x} $\n',
                cluster='fast', user='cinder')
    short = socket.gethostname().split('.')[0]
    assert conf.settings['a'] == f'fast/cinder-client.client.cinder.{short}'
    assert conf.settings['b'] == '$other ${x} $'


@pytest.mark.parametrize('text, fsid', [
    ('[global]\nfsid = ' + FSID, FSID),
    ('[global]\nfsid = ' + FSID.upper(), FSID),
    ('[global]\nmon_host = 10.0.0.1', None),
    ('[global]\nfsid =\nmon_host = 10.0.0.1', None),
])
def test_fsid(load, text, fsid):
    assert load(text).fsid == fsid


@pytest.mark.parametrize('text, words', [
    ('', 'has no settings'),
    ('# nothing\n[global]\n', 'has no settings'),
    ('[global]\nfoo\n', 'line 2'),
    ('[global]\nfsid = 22\n', 'not a UUID'),
])
def test_what_is_no_ceph_conf(load, tmp_path, text, words):
    with pytest.raises(exceptions.ConfigError, match=words) as caught:
        load(text)
    assert str(tmp_path / 'ceph.conf') in caught.value.message
    assert caught.value.hint


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / 'missing.conf', tmp_path):
        with pytest.raises(exceptions.ConfigError) as caught:
            ceph_conf.load(str(path))
        assert f'Cannot read {path}' in caught.value.message
    binary = tmp_path / 'binary.conf'
    binary.write_bytes(b'[global]\nmon_host = \xff\n')
    with pytest.raises(exceptions.ConfigError, match='not a valid ceph.conf'):
        ceph_conf.load(str(binary))


@pytest.mark.parametrize('value', [
    'no-such-name.invalid', '\\;', '10.0.0.1:abc', '[v2:10.0.0.1:3300'])
@pytest.mark.parametrize('key', ['mon_host', 'mon_host_override'])
def test_a_mon_host_that_parses_to_nothing(load, tmp_path, key, value):
    conf = load(f'[global]\n{key} = {value}\n')
    with pytest.raises(exceptions.ConfigError, match=f'{key} ') as caught:
        conf.monmap()
    assert str(tmp_path) in caught.value.message
    assert '--monitors-file' in caught.value.hint


@pytest.fixture
def srv(monkeypatch):
    """Stand in for the DNS; tests/unit/ceph/test_dns.py uses a real server."""
    asked = []

    def services(name):
        asked.append(name)
        return (dns.Service('localhost', 6789),
                dns.Service('127.0.0.2', 3300))

    monkeypatch.setattr(dns, 'services', services)
    return asked


@pytest.mark.parametrize('setting, query', [
    ('', '_ceph-mon._tcp'),
    ('mon_dns_srv_name = mons\n', '_mons._tcp'),
    ('mon dns srv name = mons_example.org\n', '_mons._tcp.example.org'),
])
def test_the_dns_comes_last(load, srv, setting, query):
    conf = load(f'[global]\nx = 1\n{setting}')
    assert hosts(conf) == ['127.0.0.1:6789', '127.0.0.2:3300']
    assert srv == [query]


def test_a_mon_host_spares_the_dns(load, srv):
    hosts(load('[global]\nmon_host = 10.0.0.1\n'))
    assert srv == []


def test_no_monitors_anywhere(load, monkeypatch):
    def services(name):
        raise exceptions.ConfigError('The DNS has none.')

    monkeypatch.setattr(dns, 'services', services)
    with pytest.raises(exceptions.ConfigError) as caught:
        load('[global]\nx = 1\n').monmap()
    assert 'names no monitors' in caught.value.message
    assert 'The DNS has none.' in caught.value.message


@pytest.mark.parametrize('path, cluster', [
    ('', 'ceph'), ('/etc/ceph/ceph.conf', 'ceph'),
    ('/etc/ceph/fast.conf', 'fast'), ('/etc/ceph/fast', 'ceph'),
    ('/etc/ceph/fast.cfg', 'ceph'), ('/x/a.b.conf', 'a.b')])
def test_the_cluster_s_name_from_the_path(path, cluster):
    assert ceph_conf.cluster_of(path) == cluster


def test_default_path():
    assert ceph_conf.default_path('fast') == '/etc/ceph/fast.conf'
