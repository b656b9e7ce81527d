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

from __future__ import annotations

import dataclasses
import logging
import pathlib

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.ceph import history as ceph_history
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from tests.unit import worlds
from tests.unit.hook import hosts

FORMER = hosts.addresses('127.0.0.21:6789')
STATED = hosts.addresses('10.8.0.1:6790')


def monmap(*addrs):
    return MonMap(tuple(Monitor('', addr, (addr,)) for addr in addrs))


CLUSTER = Cluster(
    'a', 'f-a', Source.MON_DUMP, monmap(*hosts.RIGHT),
    (Backend('nova', '', 'vms', 'cinder', hosts.SECRET),),
    former=(FormerMonitor('x', FORMER, 1, 1),))
CLAIM = dataclasses.replace(CLUSTER, source=Source.CEPH_CONF)
OTHER = dataclasses.replace(
    CLUSTER, name='b', fsid='f-b', former=(),
    monmap=monmap(*hosts.addresses('10.7.0.1:6789', '10.7.0.2:6789')))


@pytest.fixture
def living(monkeypatch):
    """Return the former addresses at which somebody's monitor answers."""
    addresses = set()
    monkeypatch.setattr(client, 'answering', lambda addrs: (
        frozenset(addrs) & addresses))
    return addresses


@pytest.fixture
def context(tmp_path, living):
    return answered(worlds.context_of(worlds.World(tmp_path), CLUSTER))


@pytest.fixture
def hook(context):
    hook = hook_update.installed(context)
    hook.install()
    return hook


def answered(context, *addrs):
    """Make some of the right monitors answer in a context."""
    context.__dict__['answering'] = frozenset(addrs or (
        each.monmap.addrs[-1] for each in context.clusters
        if each.monmap.addrs))
    return context


def learn(context, *clusters):
    """Give a context other clusters, as a later run would learn them."""
    context.__dict__['clusters'] = clusters
    context.__dict__.pop('histories', None)
    return answered(context)


def taught(hook):
    return {each.fsid: each for each in hook.known()[0]}


def test_a_host_without_the_hook_is_left_alone(context, monkeypatch):
    monkeypatch.setattr(hook_update, 'gather', None)
    hook_update.feed(context)
    assert not pathlib.Path(context.conf.hook.dir).exists()


def test_the_hook_learns_present_and_former_and_stated_monitors(
        context, hook):
    learn(context, dataclasses.replace(CLUSTER, stated=STATED))
    hook_update.feed(context)
    known, written = hook.known()
    assert known == (knowledge.Known(
        'a', 'f-a', hosts.RIGHT, frozenset(
            hosts.RIGHT + FORMER + STATED + hosts.addresses(
                '10.0.0.21', '10.0.0.22', '10.0.0.23', '127.0.0.21'))),)
    assert written.endswith('+00:00')


def test_the_history_comes_from_the_cluster(context, hook, monkeypatch):
    epochs = {number: MonEpoch(number, '', monmap(*addrs)) for number, addrs
              in ((1, FORMER), (2, STATED), (3, hosts.RIGHT))}
    monkeypatch.setattr(ceph_history, 'epochs', lambda way, numbers: (
        epochs[number] for number in numbers))
    context.conf.set_override('offline', False)
    learn(context, dataclasses.replace(
        CLUSTER, former=(), epoch=epochs[3], way=Way('', None, None)))
    hook_update.feed(context)
    assert taught(hook)['f-a'].addresses > set(FORMER + STATED)


@pytest.mark.parametrize('cluster, answering, reason', [
    (CLAIM, hosts.RIGHT,
     'its monitors come from ceph.conf, not from the cluster'),
    (dataclasses.replace(CLUSTER, source=Source.MONITORS_FILE), hosts.RIGHT,
     'its monitors come from a monitors file, not from the cluster'),
    (dataclasses.replace(CLUSTER, source=Source.NONE, monmap=monmap()),
     hosts.RIGHT, 'its monitors are unknown'),
    (CLUSTER, FORMER, 'none of its monitors answers')])
def test_what_is_not_taught(context, hook, caplog, cluster, answering,
                            reason):
    """The hook changes nothing for a cluster that it knew before, either."""
    hook_update.feed(context)
    assert taught(hook)['f-a'].monitors == hosts.RIGHT
    learn(context, cluster, OTHER)
    answered(context, *answering, *OTHER.monmap.addrs)
    with caplog.at_level(logging.WARNING):
        hook_update.feed(context)
    assert caplog.messages == [
        f'The libvirt hook does not correct disks of cluster a: {reason}.']
    known = taught(hook)
    assert known['f-a'].monitors == ()
    assert known['f-a'].addresses >= set(hosts.RIGHT + FORMER)
    assert known['f-b'].monitors == OTHER.monmap.addrs


def test_nobody_is_asked_offline(context, hook, monkeypatch):
    context.__dict__['answering'] = None
    monkeypatch.setattr(client, 'answering', None)
    hook_update.feed(context)
    assert taught(hook)['f-a'].monitors == ()


@pytest.mark.parametrize('addrs', [FORMER, STATED])
def test_a_living_former_address_is_left_out(context, hook, living, addrs):
    """It belongs to a monitor of some other cluster now."""
    learn(context, dataclasses.replace(CLUSTER, stated=STATED))
    hook_update.feed(context)
    before = taught(hook)['f-a'].addresses
    assert before >= set(addrs)
    living.update(addrs)
    hook_update.feed(context)
    after = taught(hook)['f-a']
    assert after.addresses == {addr for addr in before
                               if addr.host != addrs[0].host}
    assert after.monitors == hosts.RIGHT


def guest(*disks):
    """Return a guest whose disks differ in nothing but their monitors."""
    return ('<domain><devices>' + ''.join(
        f"""<disk type='network'><auth username='cinder'>
<secret type='ceph' uuid='{hosts.SECRET}'/></auth>
<source protocol='rbd' name='vms/x'>{''.join(
    f"<host name='{addr.host}' port='{addr.port}'/>" for addr in disk)}
</source></disk>""" for disk in disks) + '</devices></domain>').encode()


def test_of_two_clusters_alike_one_moved(context, hook):
    """Pool, user and secret are the same, as sites repeat them."""
    learn(context, CLUSTER, OTHER)
    hook_update.feed(context)
    other = OTHER.monmap.addrs[:1]
    assert hosts.call(hook, guest(FORMER, other, FORMER + other)) == guest(
        hosts.RIGHT, OTHER.monmap.addrs, FORMER + other)
    assert hosts.call(hook, guest(OTHER.monmap.addrs)) == b''


@pytest.mark.parametrize('owner', [
    OTHER, dataclasses.replace(OTHER, source=Source.CEPH_CONF)])
def test_an_address_that_was_given_to_another_cluster(
        context, hook, living, owner):
    """Either cluster could have written it, even if one is not taught."""
    living.update(FORMER)
    learn(context, CLUSTER, dataclasses.replace(
        owner, monmap=monmap(*FORMER, *OTHER.monmap.addrs)))
    hook_update.feed(context)
    assert hosts.call(hook, guest(FORMER)) == b''


def test_trouble_is_said_not_raised(context, hook, caplog):
    pathlib.Path(hook.knowledge).mkdir()
    with caplog.at_level(logging.WARNING):
        hook_update.feed(context)
    assert 'could not be updated' in caplog.text


def test_an_outdated_script_is_said(context, hook, caplog):
    """It reads only the knowledge of its own version."""
    with open(hook.script, 'a') as file:
        file.write('# older\n')
    with caplog.at_level(logging.WARNING):
        hook_update.feed(context)
    assert "run 'hook install'" in caplog.text


def test_install_replaces_what_version_1_left(context):
    hook = hook_update.installed(context)
    pathlib.Path(hook.folder).mkdir(parents=True)
    pathlib.Path(hook.knowledge).write_bytes(hosts.VERSION_1)
    hook_update.install_hook(context)
    known, = hook.known()[0]
    assert known.monitors == hosts.RIGHT
    # What a disk had once been seen with is no evidence.
    assert not {addr.host for addr in known.addresses} & {'192.0.2.7'}


def test_install_changes_nothing_where_no_monitor_can_be_learnt(tmp_path):
    world = worlds.World(tmp_path)
    (tmp_path / 'ceph.conf').unlink()
    with pytest.raises(exceptions.ConfigError):
        hook_update.install_hook(world.context())
    assert not hook_update.installed(world.context()).installed


def test_remove(context, hook):
    hook_update.remove_hook(context)
    assert not hook.installed
