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

"""Plans for stranded clients, from Ceph and from the guests of a host."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.ceph import history as ceph_history
from rbd_mon_fix.engine import census
from rbd_mon_fix.engine import running_guests
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from tests.unit import ceph_answers
from tests.unit import memory

NOBODY = {'m21': '[]', 'm22': '[]', 'm23': '[]'}
# The present epoch is 7, with 127.0.0.21 to 127.0.0.23.
EPOCHS = {1: '127.0.0.11', 2: '127.0.0.11 127.0.0.12',
          3: '127.0.0.12 127.0.0.21'}


def epoch(number):
    addrs = [MonAddr(host, 6789) for host in EPOCHS[number].split()]
    return MonEpoch(number, '', MonMap(tuple(
        Monitor(f'm{addr.host[-2:]}', addr, (addr,)) for addr in addrs)))


@pytest.fixture
def ceph(world, tmp_path, monkeypatch):
    """Return a cluster that the world's cinder.conf leads to."""
    world.options.update(offline=False, former_monitors=[])
    (world.folder / 'ceph.conf').write_text('[global]\nmon_host = 192.0.2.1\n')
    monkeypatch.setattr(census, 'APART', 0.0)
    monkeypatch.setattr(ceph_history, 'epochs', lambda way, numbers: map(
        epoch, filter(EPOCHS.get, numbers)))
    monkeypatch.setattr(client, 'answering', lambda addrs: frozenset())
    return ceph_answers.CephAnswers(tmp_path / 'bin', monkeypatch, 'volumes')


@pytest.fixture
def ask(world, ceph):
    """Return a function that plans for the clients of the only cluster."""
    def ask(fsid=None, **options):
        with world.context(**options) as context:
            return engine.lifelines_from_ceph(
                context, engine.CensusRequest(fsid))
    return ask


@pytest.fixture
def on_host(world, ceph, monkeypatch):
    """Return a function that plans for guests, by the clusters they lost."""
    def on_host(*lost, fsid=None, **options):
        reports = tuple(engine.GuestReport(
            'cmp1', Guest(number, memory.uuid(number), (), frozenset()), '',
            (), (), GuestState.STRANDED if names else GuestState.FOLLOWING,
            lost=names) for number, names in enumerate(lost, 1))
        with world.context(**options) as context:
            monkeypatch.setattr(
                running_guests, 'guests', lambda context, request:
                engine.GuestsResult('cmp1', reports, 0, 2, ()))
            return engine.lifelines_on_host(
                context, engine.ScanRequest(('cmp1',)), fsid)
    return on_host


def told(found):
    return [(each.cluster, each.stranded,
             [line.host for line in each.plan.lifelines])
            for each in found.plans]


def test_nobody_is_stranded(ask, on_host, monkeypatch):
    """Then no address is asked, and no history."""
    monkeypatch.delattr(client, 'answering')
    monkeypatch.delattr(ceph_history, 'epochs')
    found = ask()
    assert (found.plans, found.not_judged) == ((), 0)
    assert [each.name for each in found.clusters] == ['ceph']
    assert on_host(()).plans == ()


def test_watchers_in_the_cluster(ask, ceph):
    ceph.sessions(**NOBODY)
    # A client with two images is one client.
    ceph.images('web', 'db')
    found = ask()
    assert told(found) == [('ceph', 1, ['127.0.0.11'])]
    only, = found.plans
    assert only.plan.candidates == (1, 2)
    assert only.plan.unknown == (4, 5, 6)
    assert only.monitors == ceph_answers.MONITORS
    assert [each.cluster.name for each in found.censuses] == ['ceph']


def test_guests_of_a_host(on_host):
    found = on_host(('ceph',), (), ('ceph', 'other'))
    assert told(found) == [('ceph', 2, ['127.0.0.11'])]
    assert found.not_judged == 2
    assert on_host(('other',), fsid=ceph_answers.FSID).plans == ()


@pytest.mark.parametrize('taken, hosts, unreached', [
    ('127.0.0.12', ['127.0.0.11'], ()),
    ('127.0.0.11', ['127.0.0.12'], (1,))])
def test_a_monitor_that_greets(ask, ceph, monkeypatch, taken, hosts,
                               unreached):
    monkeypatch.setattr(client, 'answering', lambda addrs: frozenset(
        addr for addr in addrs if addr.host == taken))
    ceph.sessions(**NOBODY)
    only, = ask().plans
    assert [line.host for line in only.plan.lifelines] == hosts
    assert (only.plan.taken, only.plan.unreached) == ((taken,), unreached)


def test_clients_of_which_nothing_is_known(ask, ceph):
    ceph.refuse('m21', 6, 'no')
    ceph.sessions(m22='[]')
    found = ask()
    assert (found.plans, found.not_judged) == ((), 1)
    ceph.answer('rbd status --pool=volumes --image=web', '', 22, 'no')
    assert ask().not_judged == 1


@pytest.mark.parametrize('option', [
    {'offline': True}, {'monitors_file': '/m.json'}])
def test_only_ceph_knows(ask, on_host, option):
    for plan in (ask, on_host):
        with pytest.raises(exceptions.ConfigError, match='monitors that th'):
            plan(**option)
