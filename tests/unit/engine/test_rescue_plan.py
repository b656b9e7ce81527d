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

"""A plan for a stranded guest: nothing is sent that changes anything."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.core import rescue_claims
from rbd_mon_fix.engine import running_guests
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.state import known_clusters
from tests.unit import ceph_program
from tests.unit import fake_qemu
from tests.unit import memory
from tests.unit import stranded_host

RIGHT = tuple(MonAddr(host, 6789) for host in ceph_program.PRESENT)


@pytest.fixture
def host(world, tmp_path, monkeypatch):
    return stranded_host.StrandedHost(world, tmp_path, monkeypatch)


def test_a_stranded_guest(host):
    plan = host.plan()
    assert (plan.is_stranded, plan.follows, plan.can_be_done) == (
        True, False, True)
    assert list(map(str, plan.refusals)) == []
    assert [(move.claim.target, move.claim.cluster, move.claim.new)
            for move in plan.moves] == [
        (target, 'ceph', RIGHT) for target in fake_qemu.DISKS]
    assert plan.commands
    assert host.qemu.sent == []
    assert plan.server.name == 'server-1'


def test_by_name(host):
    with host.world.context() as context:
        plan = engine.plan_rescue(context, engine.RescueRequest('server-1'))
    assert plan.server.uuid == stranded_host.UUID


def test_a_guest_that_follows(host):
    """QEMU is not asked: libvirt would mark the domain as tainted."""
    del host.place.qmp
    host.peers = frozenset(RIGHT[:1])
    assert host.reasons() == [
        'The guest is not stranded: it follows the monitors.']
    assert host.plan().follows


def test_a_guest_that_cannot_be_judged(host):
    del host.place.qmp
    host.place.live_texts[stranded_host.UUID] = (
        stranded_host.XML.replace(ceph_program.FORMER[0], '192.0.2.1'))
    host.place.texts.update(host.place.live_texts)
    reason, = host.reasons()
    assert reason.startswith('Nothing tells whether the guest is stranded. '
                             'No known cluster had a monitor at 192.0.2.1')


def test_a_guest_that_follows_a_moment_later(host, monkeypatch):
    """Its monitor had stopped, and it has found another one."""
    looked = []
    real = running_guests.guests

    def guests(*given):
        looked.append(1)
        host.peers = frozenset(RIGHT[:1]) if len(looked) > 1 else None
        return real(*given)
    monkeypatch.setattr(running_guests, 'guests', guests)
    assert host.plan().follows
    assert len(looked) == 2


def test_disks_that_change_meanwhile(host, monkeypatch):
    real = running_guests.guests

    def guests(*given):
        found = real(*given)
        host.place.live_texts[stranded_host.UUID] = (
            stranded_host.XML.replace('vms/data', 'vms/other'))
        return found
    monkeypatch.setattr(running_guests, 'guests', guests)
    assert 'Its disks have just changed.' in host.reasons()


def test_no_such_guest(host):
    with host.world.context() as context, pytest.raises(
            exceptions.ConfigError, match='There is no server'):
        engine.plan_rescue(context, engine.RescueRequest(memory.uuid(9)))
    del host.place.live_texts[stranded_host.UUID]
    with pytest.raises(exceptions.ConfigError, match='does not run on cmp1'):
        host.plan()


def test_another_host(host):
    with host.world.context() as context, pytest.raises(
            exceptions.ConfigError, match='only the local machine'):
        engine.plan_rescue(context, engine.RescueRequest(
            stranded_host.UUID, ('cmp2',)))


def test_nova_is_working_on_the_server(host):
    """Then QEMU is not even asked."""
    del host.place.qmp
    host.world.nova.tables.update('instances', 'uuid', stranded_host.UUID,
                                  task_state='migrating')
    assert host.reasons() == ['Nova is working on the server (migrating).']


def test_jobs_of_libvirt(host):
    host.place.has_job = lambda uuid: True
    assert host.reasons() == ['Libvirt is busy with the guest.']
    del host.place.has_job
    host.place.at_work = lambda uuid: True
    assert host.reasons() == ['Libvirt is busy with the guest.']


def test_a_qemu_that_does_not_answer(host):
    def qmp(uuid, command):
        raise fake_qemu.refused('not now')
    host.place.qmp = qmp
    assert host.reasons() == ['QEMU refuses it: not now.']


def without_images(host):
    """Return a QEMU that is not asked for its images.

    It would read from them, and stand still if an OSD is silent.
    """
    def qmp(uuid, command):
        assert command.execute not in (
            'query-named-block-nodes', 'query-block')
        return host.qemu(command)
    return qmp


def test_reasons_of_qemu(host):
    host.qemu.set(status='paused')
    host.qemu.answers['query-iothreads'] = [{'id': 'iothread1'}]
    host.place.qmp = without_images(host)
    first, second = host.reasons()
    assert 'does not run (paused)' in first
    assert 'iothread1' in second


def test_a_newer_qemu_gets_no_command_that_may_end_it(host):
    fake_qemu.as_newer(host.qemu)
    ask, sent = without_images(host), []

    def qmp(uuid, command):
        sent.append(command.execute)
        return ask(uuid, command)
    host.place.qmp = qmp
    reasons = host.reasons()
    assert len(reasons) == 4
    assert all('libvirt 10.1' in reason for reason in reasons)
    assert sent and not [each for each in sent if each.startswith('x-')]


def test_reasons_of_the_nodes(host):
    host.qemu.nodes['libvirt-4-format']['drv'] = 'throttle'
    assert host.reasons() == ['vda: a filter is in front of it (throttle).']


def test_no_disk_of_the_lost_cluster(host, monkeypatch):
    """The disks are detached while they are looked at."""
    monkeypatch.setattr(rescue_claims, 'claims', lambda copies, lost: ())
    assert host.reasons() == ['It has no RBD disk of that cluster.']


def test_reasons_of_the_xml(host):
    host.place.live_texts[stranded_host.UUID] = stranded_host.XML.replace(
        "<target dev='vda'", "<shareable/><target dev='vda'")
    host.place.qmp = without_images(host)
    reason, = host.reasons()
    assert reason.startswith('vda: other guests may write')


def test_io_that_hangs(host):
    host.qemu.answers['x-query-virtio-queue-status']['inuse'] = 1
    host.place.qmp = without_images(host)
    reasons = host.reasons()
    assert [reason[:4] for reason in reasons] == ['vda:', 'vdb:', 'sda:']
    assert 'its I/O may hang' in reasons[0]


def test_io_is_looked_at_again(host, monkeypatch):
    """A busy guest has requests in flight at most moments."""
    monkeypatch.setattr(engine.rescue_plan, 'APART', 60.0)
    monkeypatch.setattr(engine.rescue_plan.time, 'sleep', lambda seconds: (
        host.qemu.answers['x-query-virtio-queue-status'].update(inuse=0)))
    host.qemu.answers['x-query-virtio-queue-status']['inuse'] = 1
    assert host.plan().can_be_done


def test_monitors_that_do_not_answer(host):
    host.ceph.answering = {ceph_program.PRESENT[0]}
    assert host.reasons() == [
        '1 of 3 monitors of ceph answer from here, no majority.']


def test_offline(host):
    assert '--offline: no monitor was asked.' in host.reasons(offline=True)


def test_a_monitor_that_still_lives(host):
    """Its address may be that of another cluster."""
    host.ceph.answering = {*ceph_program.PRESENT, ceph_program.FORMER[0]}
    reason, = host.reasons()
    assert 'answers as a Ceph monitor' in reason


def test_a_backend_that_led_to_another_cluster(host):
    host.world.journal.mkdir(0o700)
    with host.world.context() as context:
        learnt = cluster_identity.learnt(context.clusters, {})
    assert learnt
    known_clusters.save(str(host.world.journal), {
        key: '00000000-0000-4000-8000-000000000000' for key in learnt})
    reason, = host.reasons()
    assert 'used the cluster with fsid 00000000' in reason


def test_copies_that_contradict(host):
    host.place.texts[stranded_host.UUID] = stranded_host.XML.replace(
        f"<host name='{ceph_program.FORMER[0]}' port='6789'/>",
        "<host name='192.0.2.1' port='6789'/>", 1)
    reason, = host.reasons()
    assert reason.startswith('vda: No known cluster had a monitor at')
