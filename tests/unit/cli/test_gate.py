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

"""The reports and exit codes of ``gate`` and ``guests --from-ceph``."""

from __future__ import annotations

import functools
import io

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import census as printing
from rbd_mon_fix.cli import gate
from rbd_mon_fix.cli import guests
from rbd_mon_fix.engine import census
from tests.unit import ceph_answers
from tests.unit import worlds

SILENT = 'Error ENXIO: problem getting command descriptions from mon.m21'
ROW = {'cluster': 'ceph', 'image': 'volumes/web',
       'client': ceph_answers.GUEST, 'address': '127.0.0.1:0/3275351962',
       'monitors': ['m22'], 'ready': True, 'state': 'following',
       'reason': None}


@pytest.fixture
def ceph(cloud, tmp_path, monkeypatch):
    """Return a cluster that the cloud's cinder.conf leads to."""
    cloud.options.update(offline=False, former_monitors=[])
    (cloud.folder / 'ceph.conf').write_text('[global]\nmon_host = 192.0.2.1\n')
    monkeypatch.setattr(census, 'APART', 0.0)
    return ceph_answers.CephAnswers(tmp_path / 'bin', monkeypatch, 'volumes')


@pytest.fixture
def ask(run, ceph):
    """Return a function that asks the gate."""
    return lambda *leaving, **fields: run(
        gate, mon=list(leaving), host=[], **fields)


@pytest.fixture
def count(run, ceph):
    """Return a function that takes the census."""
    return functools.partial(run, guests, host=[], from_ceph=True)


def test_all_is_right(ask, count):
    for code, report, _ in (ask(), ask('m21', 'm23', 'm21'), count()):
        assert (code, report['watchers']) == (0, [ROW])
        assert [each['name'] for each in report['clusters']] == ['ceph']
        assert 'error' not in report
    assert ask('m21', 'm23', 'm21')[1]['leaving'] == ['m21', 'm23']
    assert tuple(ROW) == gate.COLUMNS == printing.COLUMNS


@pytest.mark.parametrize('change, fields', [
    (lambda ceph: ceph.sessions(m22='[]'),
     {'monitors': [], 'ready': False, 'state': 'stranded'}),
    (lambda ceph: ceph.answer('rbd status --pool=volumes --image=web', '', 22,
                              'no'),
     {'client': None, 'address': None, 'monitors': [], 'ready': False,
      'state': 'unknown', 'reason': 'no'})])
def test_what_is_wrong(ceph, ask, count, change, fields):
    change(ceph)
    for code, report, _ in (ask(), count()):
        assert (code, report['watchers']) == (1, [{**ROW, **fields}])


def test_a_monitor_that_leaves(ask):
    code, report, _ = ask('m22')
    assert (code, report['watchers']) == (1, [{**ROW, 'ready': False}])


def test_a_monitor_that_is_silent(ceph, ask, count):
    """Its clients are unknown, so nothing is right."""
    ceph.refuse('m21', 6, SILENT)
    assert ask('m21')[0] == 0
    for code, report, _ in (ask('m23'), count()):
        assert (code, report['watchers']) == (5, [ROW])
        assert report['error']['kind'] == 'unreachable'
        assert f'mon.m21 did not tell its clients: {SILENT}' in (
            report['error']['message'])
    ceph.sessions(m22='[]')
    code, report, _ = count()
    row, = report['watchers']
    assert (code, row['state']) == (5, 'unknown')
    assert row['reason'] == f'mon.m21 did not tell its clients: {SILENT}'


def test_without_permission(ceph, ask):
    ceph.refuse('m21', 13, 'Error EACCES: problem getting command '
                'descriptions from mon.m21')
    with pytest.raises(exceptions.Unreachable, match='refuses client.admin'):
        ask()


@pytest.mark.parametrize('fields, words', [
    ({'from_ceph': True, 'host': ['cmp1']}, 'without --host and --instance'),
    ({'from_ceph': True, 'host': [], 'instance': ['web']},
     'without --host and --instance'),
    ({'fsid': ceph_answers.FSID}, '--fsid needs --from-ceph')])
def test_options_that_exclude_each_other(run, ceph, fields, words):
    with pytest.raises(exceptions.ConfigError) as caught:
        run(guests, **fields)
    assert words in str(caught.value)


@pytest.mark.parametrize('module, fields, verdict', [
    (gate, {'mon': ['m21']}, 'The only watcher of an image has a session on '
     'a monitor that stays. Go on.\nGo on: ceph mon rm m21\n'),
    (guests, {'from_ceph': True},
     'The only watcher of an image follows the monitors. Go on.\n')])
def test_screens(cloud, ceph, monkeypatch, module, fields, verdict):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    conf = cloud.conf(worlds.command((), format='table', **fields))
    assert module.run(conf, out, io.StringIO()) == 0
    assert ' '.join(out.getvalue().split()) == ' '.join(verdict.split())


@pytest.mark.parametrize('module, fields', [
    (gate, {}), (guests, {'from_ceph': True})])
def test_chosen_columns(cloud, ceph, monkeypatch, module, fields):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    conf = cloud.conf(worlds.command(
        (), format='csv', column=['client', 'state'], **fields))
    assert module.run(conf, out, io.StringIO()) == 0
    assert out.getvalue().split() == ['client,state', '4119,following']
