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

"""The actions and the report of ``hook``."""

from __future__ import annotations

import io
import json
import os
import pathlib

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import hook
from rbd_mon_fix.hook import daemon
from tests.unit import ceph_program
from tests.unit import memory
from tests.unit import worlds

PRESENT, FORMER = ceph_program.PRESENT[0], ceph_program.FORMER[0]


@pytest.fixture(autouse=True)
def no_daemons(monkeypatch):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(()))


@pytest.fixture
def ceph(cloud, tmp_path, monkeypatch):
    """Put a cluster in reach that answers, but not at former addresses."""
    program = ceph_program.CephProgram(tmp_path / 'bin', monkeypatch)
    program.answering = {PRESENT}
    cloud.options.update(offline=False, former_monitors=[])
    (cloud.folder / 'ceph.conf').write_text(
        f'[global]\nmon_host = {memory.NEW}\n')


def known(cloud):
    path = pathlib.Path(cloud.conf().hook.dir).with_name('rbd-mon-fix.json')
    cluster, = json.loads(path.read_text())['clusters']
    return cluster


def test_the_whole_way(cloud, run, ceph):
    script = cloud.conf().hook.dir
    code, report, _ = run(hook, action='status')
    assert (code, [(row['part'], row['state']) for row in report['hook']]
            ) == (1, [('script', 'missing')])
    code, report, _ = run(hook, action='install')
    assert (code, {row['part']: row['state'] for row in report['hook']}) == (
        0, {'script': 'current', 'monitors': 'current',
            'libvirt': 'not running'})
    assert set(report['hook'][0]) == set(hook.COLUMNS)
    assert os.listdir(script)
    assert f'{PRESENT}:6789' in known(cloud)['monitors']
    assert f'{FORMER}:6789' in known(cloud)['known']
    assert run(hook, action='status')[0] == 0
    code, report, _ = run(hook, action='remove')
    # The command succeeded even though the hook is missing.
    assert (code, report['hook'][0]['state']) == (0, 'missing')


def test_screens(cloud, monkeypatch, ceph):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    for action, verdict in (
            ('status', 'The hook is not installed.'),
            ('install', 'The hook is installed and in order. There is '
             'nothing to do.'), ('remove', 'The hook is removed.')):
        out = io.StringIO()
        hook.run(cloud.conf(worlds.command(format='table', action=action)),
                 out, io.StringIO())
        assert out.getvalue().splitlines()[0] == verdict


def test_monitors_that_do_not_come_from_the_cluster(cloud, run, caplog):
    code, report, _ = run(hook, action='install')
    assert (code, report['hook'][1]['state']) == (0, 'unknown')
    assert ('does not correct disks of cluster ceph: its monitors come from '
            'ceph.conf') in caplog.text
    assert known(cloud)['monitors'] == []
    assert run(hook, action='status')[0] == 1


def test_nothing_is_installed_without_monitors(cloud, run):
    (cloud.folder / 'ceph.conf').unlink()
    with pytest.raises(exceptions.ConfigError):
        run(hook, action='install')
    assert run(hook, action='status')[0] == 1
