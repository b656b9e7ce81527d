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

"""``guests --rescue``: output and exit codes."""

from __future__ import annotations

import functools
import io
import signal

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import guests
from rbd_mon_fix.cli import journal
from rbd_mon_fix.cli import rescue
from rbd_mon_fix.engine import rescue_run
from rbd_mon_fix.model.monmap import MonAddr
from tests.unit import ceph_program
from tests.unit import fake_qemu
from tests.unit import stranded_host
from tests.unit import worlds

UUID = stranded_host.UUID


@pytest.fixture
def host(world, tmp_path, monkeypatch):
    monkeypatch.setattr(rescue_run, '_SESSION_WITHIN', 0.0)
    return stranded_host.StrandedHost(world, tmp_path, monkeypatch)


@pytest.fixture
def run(host, monkeypatch):
    """Return a function that runs the command: exit code, JSON, stderr."""
    return functools.partial(worlds.run, host.world, monkeypatch, guests,
                             rescue=UUID)


@pytest.fixture
def show(host, monkeypatch):
    """Return a function that runs a command: exit code and screen."""
    def show(module=guests, **fields):
        monkeypatch.setattr(engine, 'Context', host.world.opened)
        out = io.StringIO()
        code = module.run(host.world.conf(worlds.command(
            **{'format': 'table', 'rescue': UUID, **fields})), out,
            io.StringIO())
        return code, out.getvalue()
    return show


def test_the_ways(run, host):
    code, found, _ = run()
    assert code == 1
    assert (found['state'], found['lost'], found['name']) == (
        'stranded', ['ceph'], 'server-1')
    assert [(way['way'], way['possible'], way['refused'])
            for way in found['ways']] == [
        ('live-migration', None, []), ('suspend', None, []),
        ('in-place', True, [])]
    migrate, suspend, in_place = (way['commands'] for way in found['ways'])
    assert migrate == [
        f'rbd-mon-fix refresh --instance {UUID}',
        f'openstack server migrate --live-migration {UUID}']
    assert suspend == [
        f'openstack server suspend {UUID}',
        f'rbd-mon-fix refresh --instance {UUID} --store managed-save',
        f'openstack server resume {UUID}']
    assert '{"execute": "stop"}' in in_place
    assert found['disks'][0] == {
        'disk': 'vda', 'image': 'vms/web', 'cluster': 'ceph',
        'old': ['127.0.0.11:6789'],
        'new': [f'{addr}:6789' for addr in ceph_program.PRESENT]}
    assert (found['run'], found['outcome'], found['paused']) == (
        None, None, None)
    assert host.qemu.sent == []


def test_without_nova(run, host):
    """A guest that Nova does not know has a name of libvirt alone."""
    host.world.nova.tables.update('instances', 'uuid', UUID, deleted=1)
    host.world.nova.add_server(2, 'cmp1')
    host.place.texts[UUID] = host.place.live_texts[UUID]
    code, found, _ = run()
    assert code == 1
    assert [way['commands'][1:] for way in found['ways']][:2] == [
        ['virsh migrate --live good qemu+ssh://HOST/system'],
        [f'rbd-mon-fix refresh --instance {UUID} --unmanaged --store '
         'managed-save', 'virsh start good']]


def test_a_refusal_in_the_plan(run, host):
    host.qemu.set(status='paused')
    code, found, _ = run()
    assert code == 1
    in_place = found['ways'][2]
    assert (in_place['possible'], in_place['commands']) == (False, [])
    assert in_place['refused'][0]['disk'] is None
    assert 'paused' in in_place['refused'][0]['reason']


@pytest.mark.parametrize('peers, code, state', [
    (frozenset({MonAddr('127.0.0.21', 3300)}), 0, 'following'),
    (frozenset(), 1, 'stranded')])
def test_exit_codes_of_a_look(run, host, peers, code, state):
    host.peers = peers
    found = run()
    assert (found[0], found[1]['state']) == (code, state)
    assert len(found[1]['ways']) == (1 if state == 'following' else 3)


def test_in_place(run, host):
    code, found, _ = run(in_place=True)
    assert (code, found['outcome'], found['reason']) == (0, 'fixed', None)
    assert found['paused'] >= 0
    assert host.qemu.is_running
    run_id, = (each.id for each in engine.journal(
        host.world.context()).runs())
    assert found['run'] == run_id


def test_in_place_that_is_refused(run, host):
    host.qemu.set(status='paused')
    with pytest.raises(exceptions.Refused, match='is not rescued in place'):
        run(in_place=True)
    assert host.qemu.sent == []


def test_in_place_that_fails(run, host):
    def wrong(number):
        raise fake_qemu.refused('no')
    host.qemu.wrong = wrong
    code, found, _ = run(in_place=True)
    assert (code, found['outcome']) == (4, 'failed')


def test_screens(show, host):
    code, text = show()
    assert code == 1
    assert text.splitlines()[-1] == (
        f'Next: rbd-mon-fix guests --rescue {UUID} --in-place')
    code, text = show(in_place=True)
    assert code == 0
    assert 'follows the monitors again' in ' '.join(text.split())
    run_id = text.split('journal show ')[1].split()[0]
    code, text = show(journal, action='show', run=run_id)
    assert 'live-domain vda' in text
    assert 'Take back' not in text and 'nothing to take back' in text
    code, text = show(journal, action='list')
    assert 'rescue' in text and 'Take back' not in text


def test_columns(show, host):
    code, text = show(format='value', column=['way', 'possible'])
    assert text.splitlines() == ['live-migration -', 'suspend -',
                                 'in-place True']
    host.qemu.set(status='paused')
    code, text = show(format='csv', column=['refused'])
    assert 'does not run (paused)' in text
    assert set(rescue.COLUMNS) == {'way', 'possible', 'commands', 'refused'}


def test_a_signal_waits_for_the_report(show, host):
    """The run is complete, and its report is written."""
    def then(number):
        if number == 1:
            signal.raise_signal(signal.SIGTERM)
    host.qemu.then = then
    ended = []
    before = signal.signal(signal.SIGTERM, lambda *given: ended.append(
        len(host.qemu.sent)))
    try:
        code, text = show(in_place=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert code == 0 and 'Journal: ' in text
    assert ended == [len(host.qemu.sent)] and ended[0] > 10


@pytest.mark.parametrize('fields, words', [
    ({'rescue': None, 'in_place': True}, '--in-place needs --rescue'),
    ({'from_ceph': True}, 'one guest of this host'),
    ({'fsid': 'x'}, 'without --from-ceph, --fsid'),
    ({'instance': ['a']}, 'and --instance')])
def test_options_that_do_not_fit(run, fields, words):
    with pytest.raises(exceptions.ConfigError) as told:
        run(**{'rescue': UUID, **fields})
    assert words in str(told.value)
