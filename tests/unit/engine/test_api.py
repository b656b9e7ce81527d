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

"""The engine as a library: its public names, and the cost of an import."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.qemu import open_check
from tests.unit import memory
from tests.unit import worlds

BOUND = 60
# Modules that are slow to import, or that only commands need.
HEAVY = ('sqlalchemy', 'oslo_db', 'libvirt', 'asyncio', 'argparse', 'lxml',
         'psutil', 'novaclient', 'keystoneauth1', 'rich',
         'rbd_mon_fix.cli', 'rbd_mon_fix.report', 'rbd_mon_fix.preflight',
         'rbd_mon_fix.clients.database', 'rbd_mon_fix.clients.libvirt')
PROBE = '''
import sys
{0}
before = set(sys.modules)
{1}
print(*sorted(name for name in set(sys.modules) - before
              if name.startswith({2!r})))
'''


def test_each_name_is_there():
    for name in engine.__all__:
        assert getattr(engine, name) is not None
    assert sorted(engine.__all__) == sorted(
        name for names in engine._MODULES.values() for name in names)
    assert len(set(engine.__all__)) == len(engine.__all__)


@pytest.mark.parametrize('module', engine._MODULES)
def test_each_name_is_defined_where_the_engine_says(module):
    found = importlib.import_module(f'rbd_mon_fix.engine.{module}')
    for name in engine._MODULES[module]:
        assert getattr(found, name) is getattr(engine, name)
        assert getattr(found, name).__module__ == found.__name__


@pytest.mark.parametrize('name', ['nothing', 'scan_request', '_Refresh'])
def test_other_names_are_not_there(name):
    with pytest.raises(AttributeError, match=name):
        getattr(engine, name)


def imports(statements, before=''):
    """Return the heavy modules that statements import in a new process."""
    return subprocess.run(
        [sys.executable, '-c', PROBE.format(before, statements, HEAVY)],
        check=True, capture_output=True, text=True,
        timeout=BOUND).stdout.split()


@pytest.mark.parametrize('statements, before', [
    ('from rbd_mon_fix import engine', ''),
    # Modules that oslo.config itself imports do not count.
    ('from rbd_mon_fix import engine\nengine.open_context',
     'from oslo_config import cfg\nfrom oslo_log import log\n'
     'from oslo_utils import netutils'),
    ('from rbd_mon_fix import engine\nengine.ScanRequest',
     'from oslo_config import cfg\nfrom oslo_log import log\n'
     'from oslo_utils import netutils')])
def test_nothing_is_imported_that_is_not_used(statements, before):
    assert imports(statements, before) == []


def test_the_probe_sees_imports():
    assert 'argparse' in imports('import argparse')


@pytest.fixture
def own_conf(world):
    """Return a config file of rbd-mon-fix for a world."""
    for server, host in ((1, 'cmp1'), (2, 'cmp2')):
        world.add(server, host)
    world.write_nova_conf(host='cmp1')
    path = world.folder / 'rbd-mon-fix.conf'
    path.write_text(f'''\
[DEFAULT]
nova_config_file = {world.folder}/nova.conf
cinder_config_file = {world.folder}/cinder.conf
libvirt_uri = libvirt://{{host}}/
journal_dir = /none/such
former_monitors = {world.conf().former_monitors[0]}
''')
    return str(path)


@pytest.fixture
def context(world, own_conf):
    """Return a context as users of the engine open it."""
    opened = engine.open_context(
        [own_conf], journal_dir=str(world.journal), offline=True)
    with engine.Context(opened.conf, world.connect) as context:
        yield context


ONE = engine.ScanRequest(('cmp1',))


def test_a_context_from_a_file_and_overrides(world, own_conf):
    with engine.open_context([own_conf], offline=True,
                             journal_dir='x') as context:
        assert isinstance(context, engine.Context)
        assert context.journal_dir == 'x'
        assert context.nova.host == 'cmp1'
        assert context.libvirt_uri('cmp2') == 'libvirt://cmp2/'
        [cluster] = context.clusters
        assert cluster.monmap.is_current(memory.addrs(memory.NEW))


@pytest.mark.parametrize('files, overrides', [
    (['/none/such.conf'], {}), ([], {'nonsense': 1}),
    ([], {'offline': 'maybe'})])
def test_a_config_that_cannot_be_used(files, overrides):
    with pytest.raises(exceptions.ConfigError):
        engine.open_context(files, **overrides)


def test_scan(context):
    found = engine.status(context, ONE)
    assert isinstance(found, engine.ScanResult)
    assert (found.summary.servers, found.summary.states) == (
        1, {State.STALE: 3})
    assert engine.status(context, engine.ScanRequest(
        all_hosts=True)).summary.servers == 2


def test_refresh_and_rollback(world, context):
    first = world.everything()
    planned = engine.plan_refresh(context, engine.RefreshRequest(ONE))
    assert (planned.summary.due, planned.refused) == (3, None)
    assert world.everything() == first

    done = engine.refresh(context, engine.RefreshRequest(
        ONE, max_changes=planned.summary.due))
    assert isinstance(done, engine.RunResult)
    assert done.summary.outcomes == {Verdict.FIXED: 3}
    assert engine.status(context, ONE).summary.wrong == 0
    assert [run.id for run in engine.journal(context).runs()] == [done.run]

    back = engine.RollbackRequest(done.run)
    assert engine.plan_rollback(context, back).summary.due == 3
    assert engine.rollback(context, back).error is None
    assert world.everything() == first


def test_a_listener_hears_of_each_server(context):
    heard = worlds.Heard()
    engine.status(context, engine.ScanRequest(('cmp1', 'cmp2')), heard)
    assert heard.servers == [('cmp1', 1, None), ('cmp2', 2, None)]


def test_verify(world, context, monkeypatch):
    monkeypatch.setattr(
        open_check, 'prove', lambda cases, timeout, *_: [
            open_check.Proof(True, None, timeout) for _ in cases])
    world.domains().secret_value = lambda uuid: b'key'
    found = engine.verify(context, engine.VerifyRequest(
        ONE, engine.Limits(timeout=2.0)))
    assert isinstance(found, engine.VerifyResult)
    assert [(type(each), each.proof.opened, each.proof.seconds)
            for each in found.disks] == [(engine.Opened, True, 2.0)] * 2


def test_guests(context):
    found = engine.guests(context, ONE)
    assert isinstance(found, engine.GuestsResult)
    assert (found.guests, found.stranded) == ((), [])


def test_hook(world, context):
    context.conf.set_override('dir', str(world.folder / 'q.d'), 'hook')
    engine.install_hook(context)
    script, *_ = engine.hook_status(context)
    assert isinstance(script, engine.HookPart)
    assert script.state == 'current'
    engine.remove_hook(context)
    assert [part.state for part in engine.hook_status(context)] == [
        'missing']
