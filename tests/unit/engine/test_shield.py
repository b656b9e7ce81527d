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

"""``shield`` on a host with libvirt, and a cluster that has moved."""

from __future__ import annotations

import dataclasses
import os

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import override_block
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.engine import shield_cover
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user
from rbd_mon_fix.state import locks
from tests.unit import ceph_program
from tests.unit import memory
from tests.unit import worlds
from tests.unit.report import sample
from tests.unit.stores import places

CONF = '[global]\nmon_host = 127.0.0.11\n# the end'
BY = qemu_user.QemuUser(None, (64055, 108))
RIGHT = '127.0.0.21,127.0.0.22,127.0.0.23'
BOTH = f'127.0.0.11,127.0.0.12,127.0.0.13,{RIGHT}'


class Qemu:
    """A QEMU that opens what the ceph.conf leads it to.

    ``closed`` are the users whose images do not open, ``blind`` those that
    cannot read the real file. ``meanwhile`` runs while that one is read.
    """

    def __init__(self, path):
        self._path = path
        self.cases = []
        self.closed = set()
        self.blind = set()
        self.meanwhile = lambda: None

    def prove(self, cases, timeout, parallel, advance, silent=None):
        self.cases += cases
        if any(not case.conf for case in cases):
            self.seen = self._path.read_text()
            self.meanwhile()
        return [self._proof(case) for case in cases]

    def _proof(self, case):
        if case.by is None:  # QEMU does not read the ceph.conf
            return open_check.Proof(False, 'error connecting', 0.1)
        found = override_block.find(case.conf or self.seen)
        users = {each.user for each in found.overrides} if found else set()
        users -= self.closed if case.conf else self.closed | self.blind
        if case.user in users:
            return open_check.Proof(True, None, 0.1)
        return open_check.Proof(False, 'error connecting', 0.1)


@pytest.fixture
def host(world, tmp_path, monkeypatch):
    """Return a compute host, whose guest has former monitors."""
    world.write_nova_conf(host='cmp1')
    world.options.update(offline=False, former_monitors=[])
    world.ceph_program = ceph_program.CephProgram(
        tmp_path / 'bin', monkeypatch)
    world.path = world.folder / 'ceph.conf'
    world.path.write_text(CONF)
    place = world.domains()
    place.secret_value = lambda uuid: b'key'
    world.qemu = Qemu(world.path)
    monkeypatch.setattr(open_check, 'prove', world.qemu.prove)
    monkeypatch.setattr(qemu_user, 'knows_override', lambda user: True)
    monkeypatch.setattr(qemu_on_host, 'user', lambda *given: BY)
    monkeypatch.setattr(qemu_on_host, 'is_mounted', lambda path: False)
    monkeypatch.setattr(qemu_on_host, 'CONF', str(world.path))
    # A libvirtd of this machine may have other mounts.
    monkeypatch.setattr(daemon, 'running', lambda: iter(()))
    add(world, 1)
    return world


def add(world, server, user='cinder', addrs=ceph_program.FORMER):
    text = world.domains().text(server).replace("'cinder'", f"'{user}'")
    for old, new in zip(places.OLD, addrs):
        text = text.replace(f"'{old}'", f"'{new}'")
    world.nova.add_server(server, 'cmp1', vm_state='active')
    world.domains().add(server, text)


def install(world, **fields):
    return engine.install_shield(
        world.context(), engine.ShieldRequest(**fields), worlds.Heard())


def refresh(world):
    return engine.refresh_shield(world.context(), engine.ShieldRequest())


def told(found):
    return [(each.user, each.state.value, ','.join(map(str, each.addrs)))
            for each in found.users]


def state(world):
    found = engine.shield_status(world.context())
    assert found.changed is False
    return told(found)


def test_the_whole_way(host):
    assert state(host) == [('cinder', 'missing', '')]
    found = install(host)
    assert (told(found), found.changed, found.path) == (
        [('cinder', 'shielded', RIGHT)], True, str(host.path))
    assert host.path.read_text().startswith(CONF)
    assert state(host) == told(found)
    again = install(host)
    assert (told(again), again.changed) == (told(found), False)
    assert len(host.qemu.cases) == 2
    removed = engine.remove_shield(host.context())
    assert (removed.users, removed.changed) == ((), True)
    assert host.path.read_text() == CONF
    assert engine.remove_shield(host.context()).changed is False


def test_qemu_gets_a_dead_list_and_a_real_key(host):
    """First with the text that is to be written, then with the file."""
    install(host)
    trial, real = host.qemu.cases
    for case in (trial, real):
        assert (case.image, case.user, case.by, case.monitors) == (
            f'volumes/volume-{places.volume(1)}', 'cinder', BY,
            (MonAddr('127.0.0.1', 1),))
        assert case.key
    assert (trial.conf, real.conf) == (host.path.read_text(), '')


def test_nothing_is_written_that_fails_on_trial(host):
    """A guest that starts in that moment reads the same file."""
    host.qemu.closed.add('cinder')
    host.qemu.meanwhile = lambda: pytest.fail('the file was tried')
    number = host.path.stat().st_ino
    install(host)
    assert host.path.stat().st_ino == number


def killed(world, request=install):
    """Leave behind what a run leaves that is killed before its proof."""
    kept = []
    world.qemu.meanwhile = lambda: kept.append(world.path.read_text())
    request(world)
    world.qemu.meanwhile = lambda: None
    world.path.write_text(kept[0])


@pytest.mark.parametrize('action', [install, refresh])
def test_a_killed_run(host, action):
    """Its section is noticed, and proven by the next run."""
    killed(host)
    assert state(host) == [('cinder', 'not proven', RIGHT)]
    [row] = engine.shield_status(host.context()).users
    assert 'cut off' in row.note
    found = action(host)
    assert (told(found), found.changed) == (
        [('cinder', 'shielded', RIGHT)], True)
    assert state(host) == told(found)


@pytest.mark.parametrize('action', [install, refresh])
@pytest.mark.parametrize('why', ['closed', 'blind'])
def test_what_a_killed_run_left_goes_if_it_is_not_proven(host, action, why):
    killed(host)
    getattr(host.qemu, why).add('cinder')
    found = action(host)
    assert (told(found), found.changed) == (
        [('cinder', 'not proven', '')], True)
    assert host.path.read_text() == CONF


def test_what_a_killed_run_left_goes_if_its_user_is_barred(host):
    """The cluster is down, so that nothing can be proven."""
    killed(host)
    host.ceph_program.stop()
    assert [row.state.value for row in refresh(host).users] == ['barred']
    assert host.path.read_text() == CONF


def test_what_a_killed_run_left_goes_if_no_disk_can_prove_it(host):
    killed(host)
    host.domains().texts.clear()
    assert told(refresh(host)) == [('cinder', 'not proven', '')]
    assert host.path.read_text() == CONF


def test_a_killed_refresh_leaves_the_other_sections_proven(host):
    install(host)
    add(host, 2, 'nova')
    killed(host)
    assert state(host) == [('cinder', 'shielded', RIGHT),
                           ('nova', 'not proven', RIGHT)]


def test_a_section_without_disks_follows_the_cluster(host):
    """Nothing can prove it; the monitors are those of its cluster."""
    host.ceph_program.set_epoch(4)
    install(host)
    host.ceph_program.set_epoch(7)
    host.domains().texts.clear()
    assert told(refresh(host)) == [('cinder', 'shielded', RIGHT)]


def test_refresh_follows_the_cluster(host):
    """Old and new monitors are in the list while the cluster has both."""
    host.ceph_program.set_epoch(4)
    assert told(install(host)) == [('cinder', 'shielded', BOTH)]
    host.ceph_program.set_epoch(7)
    assert state(host) == [('cinder', 'outdated', BOTH)]
    found = refresh(host)
    assert (told(found), found.changed) == (
        [('cinder', 'shielded', RIGHT)], True)
    assert refresh(host).changed is False
    engine.remove_shield(host.context())
    assert host.path.read_text() == CONF


def test_refresh_adds_no_user(host):
    assert refresh(host).changed is False
    assert host.path.read_text() == CONF
    install(host)
    add(host, 2, 'nova')
    assert told(refresh(host)) == [
        ('cinder', 'shielded', RIGHT), ('nova', 'missing', '')]


def test_a_refresh_that_cannot_ask_changes_nothing(host):
    """The sections of a cluster that is down stay as they are."""
    host.ceph_program.set_epoch(4)
    install(host)
    before = host.path.read_text()
    host.ceph_program.stop()
    [row] = refresh(host).users
    assert (row.state.value, host.path.read_text()) == ('barred', before)
    assert 'did not list its monitors itself' in row.note


@pytest.mark.parametrize('why', ['closed', 'blind'])
def test_a_section_that_is_not_proven_goes(host, why):
    """Another one stays."""
    add(host, 2, 'nova')
    getattr(host.qemu, why).add('nova')
    found = install(host)
    assert told(found) == [
        ('cinder', 'shielded', RIGHT), ('nova', 'not proven', '')]
    assert 'does not open: error connecting.' in found.users[1].note
    # It opens with the text, so what is wrong is the file.
    assert (f'may read {host.path} and enter' in found.users[1].note) is (
        why == 'blind')
    assert found.changed and '[client.nova]' not in host.path.read_text()


@pytest.mark.parametrize('why', ['closed', 'blind'])
def test_nothing_is_left_of_a_shield_that_is_not_proven(host, why):
    getattr(host.qemu, why).add('cinder')
    found = install(host)
    assert (told(found), found.changed) == (
        [('cinder', 'not proven', '')], False)
    assert host.path.read_text() == CONF


@pytest.mark.parametrize('why', ['closed', 'blind'])
def test_a_refresh_that_is_not_proven_restores_the_section(host, why):
    host.ceph_program.set_epoch(4)
    install(host)
    before = host.path.read_text()
    host.ceph_program.set_epoch(7)
    getattr(host.qemu, why).add('cinder')
    assert told(refresh(host)) == [('cinder', 'not proven', BOTH)]
    assert host.path.read_text() == before


@pytest.mark.parametrize('error', [
    KeyboardInterrupt(), exceptions.ConfigError('No driver.'),
    OSError(24, 'Too many open files')])
def test_a_proof_that_is_cut_off_leaves_nothing_behind(host, error):
    def fail():
        raise error

    host.qemu.meanwhile = fail
    with pytest.raises(type(error)):
        install(host)
    assert host.path.read_text() == CONF


def test_a_missing_secret(host):
    def gone(uuid):
        raise exceptions.Gone(f'Libvirt has no secret {uuid}.')

    host.domains().secret_value = gone
    [row] = install(host).users
    assert (row.state.value, host.path.read_text()) == ('not proven', CONF)
    assert 'Libvirt has no secret S' in row.note


def test_others_change_the_file_while_it_is_proven(host):
    """Their change stays, and the next run mends what is in the file."""
    host.qemu.meanwhile = lambda: host.path.write_text(
        host.path.read_text() + '[mon]\n')
    with pytest.raises(exceptions.Conflict, match='marked as not proven.*'
                       'shield refresh'):
        install(host)
    assert host.path.read_text().endswith('[mon]\n')
    assert state(host) == [('cinder', 'not proven', RIGHT)]
    host.qemu.meanwhile = lambda: None
    assert told(refresh(host)) == [('cinder', 'shielded', RIGHT)]
    assert host.path.read_text().endswith('[mon]\n')


def test_a_user_with_an_image_of_an_unknown_cluster(host):
    """Of a guest that Nova does not know; it reads the same ceph.conf."""
    host.domains().add(2, host.domains().text(2, nova=False))
    assert told(install(host)) == [('cinder', 'barred', '')]
    assert host.path.read_text() == CONF


def test_a_document_that_cannot_be_read(host):
    host.domains().add(2, host.domains().text(2).replace(
        "port='6789'", "port='seven'"))
    [row] = install(host).users
    assert (row.state.value, host.path.read_text()) == ('barred', CONF)
    assert f'domain of {memory.uuid(2)}' in row.note


def test_a_host_without_images(host):
    host.domains().texts.clear()
    assert install(host).users == ()
    assert host.path.read_text() == CONF


def test_offline(host):
    host.options['offline'] = True
    for action in (install, refresh, state):
        with pytest.raises(exceptions.ConfigError, match='--offline'):
            action(host)
    engine.remove_shield(host.context())


@pytest.mark.parametrize('content, kind, words', [
    (b'[global\n', exceptions.Refused, 'line 1'),
    (b'[global]\na = \xff\n', exceptions.Refused, 'not UTF-8'),
    (b'# END rbd-mon-fix shield\n', exceptions.Refused, 'not one pair'),
    (None, exceptions.ConfigError, '--shield-conf')])
def test_a_file_that_cannot_be_used(host, content, kind, words):
    """The monitors come from elsewhere."""
    other = host.folder / 'other.conf'
    if content is not None:
        other.write_bytes(content)
    for action in (engine.remove_shield, engine.shield_status,
                   lambda context: engine.install_shield(
                       context, engine.ShieldRequest())):
        opened = host.context()
        opened.conf.set_override('conf', str(other), 'shield')
        with pytest.raises(kind, match=words):
            action(opened)
    if content is not None:
        assert other.read_bytes() == content


def test_a_file_that_qemu_does_not_read(host, monkeypatch):
    other = host.folder / 'other.conf'
    other.write_text(CONF)
    opened = host.context()
    opened.conf.set_override('conf', str(other), 'shield')
    for missing in (False, True):
        if missing:
            host.path.unlink()
        with pytest.raises(exceptions.ConfigError, match='does not read'):
            engine.install_shield(opened, engine.ShieldRequest())
    assert other.read_text() == CONF


def test_a_file_that_cannot_be_written(host, monkeypatch):
    def refuse(*given, **options):
        raise OSError(30, 'Read-only file system')

    monkeypatch.setattr(os, 'replace', refuse)
    with pytest.raises(exceptions.ConfigError, match='Read-only.*as root'):
        install(host)
    assert host.path.read_text() == CONF


def test_a_machine_with_cinder_alone(host):
    host.options.update(nova_config_file=[])
    host.shared = host.domains()
    assert told(install(host)) == [('cinder', 'shielded', RIGHT)]


def test_another_machine(host):
    host.write_nova_conf()
    host.shared = host.domains()
    with pytest.raises(exceptions.ConfigError, match='this machine') as caught:
        install(host)
    assert '--host' not in caught.value.hint  # there is no such option


def test_two_runs_at_once(host):
    with locks.held(str(host.journal), ['cmp1']):
        for action in (install, refresh, lambda world: engine.remove_shield(
                world.context())):
            with pytest.raises(exceptions.Refused, match='holds the lock'):
                action(host)
        assert state(host) == [('cinder', 'missing', '')]


def summary(world, **fields):
    return engine.status(world.context(), engine.ScanRequest(**fields),
                         worlds.Heard()).summary


def test_status_knows_the_shield(host):
    """The copy stays stale, but nothing fails that starts here."""
    found = summary(host)
    assert (found.shielded, found.broken, found.wrong) == (0, 1, 1)
    install(host)
    found = summary(host)
    assert (found.shielded, found.broken, found.wrong) == (1, 0, 1)
    assert found.needs_attention and found.due == 1


@pytest.mark.parametrize('is_shielded', [True, False])
def test_a_rollback_knows_the_shield(host, is_shielded):
    """The addresses of before would do no harm on this host."""
    install(host)
    done = engine.refresh(host.context(), engine.RefreshRequest(
        engine.ScanRequest()), worlds.Heard())
    assert summary(host).shielded == 0
    if not is_shielded:
        engine.remove_shield(host.context())
    found = engine.plan_rollback(host.context(), engine.RollbackRequest(
        done.run), worlds.Heard()).summary
    assert (found.due, found.broken_after_plan) == (1, not is_shielded)


def outdate(world):
    world.ceph_program.set_epoch(4)
    install(world)
    world.ceph_program.set_epoch(7)


def edit(world):
    install(world)
    world.path.write_text(world.path.read_text().replace(
        '# END', 'keyring = /k\n# END'))


def change_an_address(world):
    install(world)
    world.path.write_text(world.path.read_text().replace('.23\n', '.24\n'))


def let_qemu_read_another_file(world):
    install(world)
    other = world.folder / 'copied.conf'
    other.write_text(world.path.read_text())
    world.monkeypatch.setattr(qemu_on_host, 'CONF', str(other))


@pytest.mark.parametrize('spoil', [
    killed, outdate, edit, change_an_address, let_qemu_read_another_file])
def test_status_does_not_trust_a_doubtful_shield(host, monkeypatch, spoil):
    host.monkeypatch = monkeypatch
    spoil(host)
    found = summary(host)
    assert (found.shielded, found.broken) == (0, 1)


@pytest.mark.parametrize('daemons, shielded', [
    ((), 1), ((os.getpid(),), 1), ((os.getpid(), 2 ** 22 + 1), 0)])
def test_status_looks_at_the_file_of_each_daemon(host, monkeypatch, daemons,
                                                 shielded):
    install(host)
    monkeypatch.setattr(daemon, 'running', lambda: iter(
        daemon.Daemon('libvirtd', pid, 0.0) for pid in daemons))
    assert summary(host).shielded == shielded


def opened(world):
    found = engine.verify(world.context(), engine.VerifyRequest(
        engine.ScanRequest()), worlds.Heard())
    return [(each.proof.opened, each.shielded) for each in found.disks]


def test_verify_tells_what_only_the_shield_opens(host):
    """It is not called proven: another host has no shield."""
    assert opened(host) == [(False, False)]
    install(host)
    assert opened(host) == [(False, True)]
    host.qemu.blind.add('cinder')
    assert opened(host) == [(False, False)]


@pytest.mark.parametrize('spoil', [killed, edit, let_qemu_read_another_file])
def test_verify_does_not_trust_a_doubtful_shield(host, monkeypatch, spoil):
    host.monkeypatch = monkeypatch
    spoil(host)
    assert opened(host) == [(False, False)]


def test_verify_without_the_rights_of_root(host, monkeypatch):
    def refuse(*given):
        raise exceptions.ConfigError('Only root can open an image.')

    install(host)
    monkeypatch.setattr(qemu_on_host, 'user', refuse)
    assert opened(host) == [(False, False)]


def test_a_user_of_nova_conf(host):
    """A mapping without a secret is opened with the user of nova.conf."""
    uuid = '8a531320-0f05-4842-a642-2f40a98c65ab'
    with open(host.folder / 'nova.conf', 'a') as file:
        file.write(f'[libvirt]\nrbd_user = nova\nrbd_secret_uuid = {uuid}\n')
    world = host.context()
    copy = sample.copy(sample.instance(1), 'nova-bdm')
    assert shield_cover.user_of(world, copy) == 'nova'
    assert shield_cover.user_of(world, dataclasses.replace(
        copy, locator=copy.locator._replace(store='domain'))
    ) == copy.disk.user
    assert shield_cover.user_of(world, sample.unreadable(1)[0]) is None
