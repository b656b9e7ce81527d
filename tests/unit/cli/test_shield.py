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

"""The actions and the report of ``shield``."""

from __future__ import annotations

import io

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.cli import shield
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user
from tests.unit import ceph_program
from tests.unit import worlds
from tests.unit.stores import places

CONF = '[global]\nmon_host = 127.0.0.11\n'


@pytest.fixture
def cloud(world, tmp_path, monkeypatch):
    """Return a compute host whose guest has former monitors."""
    world.write_nova_conf(host='cmp1')
    world.options.update(offline=False, former_monitors=[])
    world.ceph_program = ceph_program.CephProgram(
        tmp_path / 'bin', monkeypatch)
    (world.folder / 'ceph.conf').write_text(CONF)
    world.domains().secret_value = lambda uuid: b'key'
    text = world.domains().text(1)
    for old, new in zip(places.OLD, ceph_program.FORMER):
        text = text.replace(f"'{old}'", f"'{new}'")
    world.nova.add_server(1, 'cmp1')
    world.domains().add(1, text)
    monkeypatch.setattr(qemu_user, 'knows_override', lambda user: True)
    monkeypatch.setattr(qemu_on_host, 'user',
                        lambda *given: qemu_user.QemuUser())
    monkeypatch.setattr(qemu_on_host, 'is_mounted', lambda path: False)
    monkeypatch.setattr(qemu_on_host, 'CONF',
                        str(world.folder / 'ceph.conf'))
    opens(monkeypatch, True)
    return world


def opens(monkeypatch, opened):
    monkeypatch.setattr(open_check, 'prove', lambda cases, *limits: [
        open_check.Proof(opened, None if opened else 'timed out', 0.1)
        for case in cases])


def told(report):
    return [(row['user'], row['state'], row['monitors'])
            for row in report['users']]


def test_the_whole_way(cloud, run):
    path = cloud.folder / 'ceph.conf'
    right = list(ceph_program.PRESENT)
    code, report, _ = run(shield, action='status')
    assert (code, told(report)) == (1, [('cinder', 'missing', [])])
    code, report, _ = run(shield, action='install')
    assert (code, told(report)) == (0, [('cinder', 'shielded', right)])
    assert (report['path'], report['changed']) == (str(path), True)
    assert set(report['users'][0]) == set(shield.COLUMNS)
    assert report['users'][0]['fsid'] == ceph_program.FSID
    for action in ('status', 'install', 'refresh'):
        code, report, _ = run(shield, action=action)
        assert (code, told(report), report['changed']) == (
            0, [('cinder', 'shielded', right)], False)
    code, report, _ = run(shield, action='remove')
    assert (code, report['users'], report['changed']) == (0, [], True)
    assert path.read_text() == CONF


@pytest.mark.parametrize('is_installed', [False, True])
@pytest.mark.parametrize('action, code', [
    ('status', 1), ('install', 4), ('refresh', 4)])
def test_a_user_that_is_barred(cloud, run, action, code, is_installed):
    """A refresh cares for the sections that exist."""
    if is_installed:
        run(shield, action='install')
    cloud.ceph_program.answering = set()
    found, report, _ = run(shield, action=action)
    assert told(report) == [('cinder', 'barred', list(
        ceph_program.PRESENT) if is_installed else [])]
    assert found == (code if is_installed or action != 'refresh' else 0)


def test_a_refresh_without_a_shield(cloud, run):
    code, report, _ = run(shield, action='refresh')
    assert (code, told(report), report['changed']) == (
        0, [('cinder', 'missing', [])], False)


def test_a_shield_that_is_not_proven(cloud, run, monkeypatch):
    opens(monkeypatch, False)
    code, report, _ = run(shield, action='install')
    assert (code, told(report)) == (4, [('cinder', 'not proven', [])])
    assert report['users'][0]['note'].endswith('does not open: timed out.')


def test_screens(cloud, monkeypatch):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    path = cloud.folder / 'ceph.conf'
    for action, verdict in (
            ('status', f'There is no shield in {path}.'),
            ('install', f'The shield in {path} is in order. There is nothing '
             'to do.'),
            ('remove', f'There is no shield in {path}.')):
        out = io.StringIO()
        shield.run(cloud.conf(worlds.command(format='table', action=action)),
                   out, io.StringIO())
        shown = out.getvalue().partition('\n\n')[0]
        assert ''.join(shown.split()) == ''.join(verdict.split())
        assert ('Next: rbd-mon-fix shield install' in out.getvalue()) is (
            action == 'status')
