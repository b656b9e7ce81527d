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

"""One scan for the health of hosts and guests."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.qemu import processes
from tests.unit import memory
from tests.unit import worlds


@pytest.fixture
def cloud(world):
    for server, host in ((1, 'cmp1'), (2, 'cmp1'), (3, 'cmp2')):
        world.add(server, host)
    return world


def checked(cloud, *hosts):
    with cloud.context() as context:
        return engine.check(context, worlds.request(*hosts)).health


def test_hosts_are_counted_apart(cloud):
    found = checked(cloud, 'cmp1', 'cmp2')
    assert {name: (host.servers.servers, host.servers.lost,
                   host.summary.found[Operation.START])
            for name, host in found.hosts.items()} == {
        'cmp1': (2, 2, 2), 'cmp2': (1, 1, 1)}
    assert found.copies(State.STALE) == 9
    assert found.hosts['cmp2'].copies == {
        ('ceph', store, State.STALE): 1
        for store in ('nova-bdm', 'cinder-attachment', 'domain')}
    assert found.hosts['cmp1'].guests is None


def test_leftovers_do_not_count_as_copies(cloud):
    cloud.nova.add_server(9, 'cmp2')
    cloud.domains('cmp1').add(9)
    found = checked(cloud, 'cmp1')
    assert found.hosts['cmp1'].servers.servers == 2
    assert found.copies(State.STALE) == 6


def test_it_says_what_status_says(cloud):
    with cloud.context() as context:
        status = engine.status(context, worlds.request('cmp1', 'cmp2'))
    assert vars(checked(cloud, 'cmp1', 'cmp2').summary) == vars(
        status.summary)


@pytest.mark.parametrize('peers, state, stranded, not_judged', [
    (frozenset(memory.addrs('10.0.0.1:6789')), GuestState.STRANDED, 1, 0),
    (None, GuestState.UNKNOWN, 0, 1)])
def test_guests_of_this_machine(cloud, monkeypatch, peers, state, stranded,
                                not_judged):
    cloud.write_nova_conf(host='cmp1')
    place = cloud.domains('cmp1')
    place.live_texts[memory.uuid(1)] = place.texts[memory.uuid(1)]
    monkeypatch.setattr(processes, 'running', lambda: [
        Guest(7, memory.uuid(1), (), peers)])
    found = checked(cloud, 'cmp1', 'cmp2')
    assert found.hosts['cmp1'].guests == {state: 1}
    assert found.hosts['cmp2'].guests is None
    assert len(found.summary.stranded) == stranded
    assert found.not_judged == not_judged


@pytest.mark.parametrize('hosts', [('cmp2',), ('cmp1', 'cmp2')])
def test_a_host_that_is_down(cloud, hosts):
    del cloud.libvirts['cmp2']
    found = checked(cloud, *hosts)
    assert found.unreached == ('cmp2',)
    assert list(found.hosts) == [host for host in hosts if host != 'cmp2']


def test_an_unknown_host(cloud):
    with pytest.raises(exceptions.ConfigError):
        checked(cloud, 'nowhere')
