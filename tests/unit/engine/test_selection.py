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

"""What was asked for, and whether it can be had."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import selection
from rbd_mon_fix.inventory import instances
from tests.unit import fakes
from tests.unit import memory
from tests.unit.stores import places

LIBVIRT = ('domain', 'managed-save', 'live-domain')
# The files of rescued servers are at hand on their own host alone.
ALL = ('cinder-attachment', 'nova-bdm', *LIBVIRT)


def asked(site, host=('cmp1',), **fields):
    return selection.of(fakes.command(host, **fields), site,
                        instances.of(site))


@pytest.fixture
def site(tmp_path, nova, cinder):
    for server, host in ((1, 'cmp1'), (2, 'cmp2')):
        nova.add_server(server, host)
    return fakes.Site(tmp_path, nova, cinder)


def test_as_it_was_asked(site):
    found = asked(site, ['b', 'a', 'b'], instance=[memory.uuid(1)],
                  unmanaged=True)
    assert found == selection.Request(
        ('b', 'a'), (memory.uuid(1),), ALL, True)


def test_all_hosts(site):
    assert asked(site, [], all_hosts=True).hosts == ('cmp1', 'cmp2')
    with pytest.raises(exceptions.ConfigError, match='--all-hosts exclude'):
        asked(site, all_hosts=True)
    with pytest.raises(exceptions.ConfigError, match='Give --host H'):
        asked(site, [])


def test_a_libvirt_host_without_openstack(tmp_path):
    place = places.DomainPlace()
    place.hostname = lambda: 'kvm1'
    site = fakes.Site(tmp_path, libvirts=place)
    assert asked(site, []).hosts == ('kvm1',)
    assert asked(site, ['other']).hosts == ('other',)
    assert asked(site, []).stores == LIBVIRT


@pytest.mark.parametrize('wanted, expected', [
    ([], ALL), (['domain'], ('domain',)), (LIBVIRT[::-1], LIBVIRT),
    (['domain', 'nova-bdm', 'domain'], ('nova-bdm', 'domain')),
])
def test_stores(site, wanted, expected):
    assert asked(site, store=wanted).stores == expected


@pytest.mark.parametrize('has, expected, lacking', [
    ('nova', ('nova-bdm', *LIBVIRT), ['cinder-attachment']),
    ('cinder', ('cinder-attachment', *LIBVIRT), ['nova-bdm']),
    ('api', LIBVIRT, ['nova-bdm', 'cinder-attachment']),
])
def test_stores_that_are_lacking(tmp_path, nova, cinder, caplog, has,
                                 expected, lacking):
    site = {'nova': lambda: fakes.Site(tmp_path, nova),
            'cinder': lambda: fakes.Site(tmp_path, None, cinder),
            'api': lambda: fakes.Site(tmp_path, api=fakes.Api())}[has]()
    assert asked(site).stores == expected
    for name in lacking:
        assert f'{name} is not looked at' in caplog.text
        with pytest.raises(exceptions.ConfigError,
                           match=f'{name} is not at hand'):
            asked(site, store=['domain', name])
    caplog.clear()
    # What was not asked for is not missed.
    assert asked(site, store=['domain']).stores == ('domain',)
    assert caplog.text == ''


def test_files_of_rescued_servers_on_their_own_host(tmp_path, nova, caplog):
    site = fakes.Site(tmp_path, nova, conf=fakes.NovaConf(
        'cmp1', str(tmp_path)))
    found = ('nova-bdm', 'domain', 'managed-save', 'unrescue', 'live-domain')
    assert asked(site).stores == found
    assert asked(site, ['cmp2', 'cmp1']).stores == found
    assert asked(site, store=['unrescue']).stores == ('unrescue',)


@pytest.mark.parametrize('conf, why', [
    (None, 'there is no nova.conf'),
    (fakes.NovaConf('cmp2', '/'), 'this is host cmp2'),
    (fakes.NovaConf('cmp1', '/none/such'), 'there is no folder /none/such'),
])
def test_files_of_rescued_servers_elsewhere(tmp_path, nova, cinder, caplog,
                                            conf, why):
    site = fakes.Site(tmp_path, nova, cinder, conf=conf)
    assert asked(site).stores == ALL
    assert caplog.text == ''  # so it is on every controller
    with pytest.raises(exceptions.ConfigError,
                       match=f'unrescue is not at hand here: {why}'):
        asked(site, store=['unrescue'])


def test_nobody_misses_openstack_where_there_is_none(tmp_path, caplog):
    asked(fakes.Site(tmp_path))
    assert caplog.text == ''
