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

"""The reports and exit codes of ``lifeline plan``."""

from __future__ import annotations

import io

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import lifeline
from rbd_mon_fix.engine import census
from rbd_mon_fix.model.lifeline import ClusterLifelines
from rbd_mon_fix.model.lifeline import Lifeline
from rbd_mon_fix.model.lifeline import LifelinePlan
from rbd_mon_fix.model.lifeline import LifelineWay
from rbd_mon_fix.model.lifeline import WayKind
from tests.unit import ceph_answers
from tests.unit import worlds

WAY = LifelineWay(WayKind.SET_ADDRS, 'p', ('one', 'two'), ('three', 'four'))
LINE = Lifeline('192.0.2.1', ('v1:192.0.2.1:6789/0',), 'a', (1, 2), (WAY,))
PLAN = ClusterLifelines('ceph', worlds.FSID, ('p',), 3, LifelinePlan(
    (1, 2, 3), (LINE,), ('192.0.2.2',), (3,), (5,), True))
ROW = {'cluster': 'ceph', 'address': '192.0.2.1', 'name': 'a',
       'epochs': [1, 2], 'way': 'set-addrs', 'monitor': 'p',
       'commands': ['one', 'two'], 'back': ['three', 'four']}


@pytest.fixture
def found(monkeypatch):
    """Return a function that sets what the engine finds on either side."""
    def found(plans=(PLAN,), not_judged=0, censuses=()):
        def find(context, *request):
            return engine.LifelineResult(
                context.clusters, plans, not_judged, tuple(censuses))
        monkeypatch.setattr(engine, 'lifelines_on_host', find)
        monkeypatch.setattr(engine, 'lifelines_from_ceph', find)
    return found


@pytest.fixture
def show(cloud, monkeypatch):
    """Return a function that shows the screen, or columns."""
    def show(*host, **fields):
        monkeypatch.setattr(engine, 'Context', cloud.opened)
        out = io.StringIO()
        conf = cloud.conf(worlds.command(host, **{
            'format': 'table', 'action': 'plan', **fields}))
        lifeline.run(conf, out, io.StringIO())
        return out.getvalue()
    return show


def test_a_plan(run, found):
    found()
    for fields in ({}, {'from_ceph': True, 'host': []}):
        code, report, _ = run(lifeline, action='plan', **fields)
        assert (code, report['lifelines']) == (1, [ROW])
        assert report['plans'] == [{
            'cluster': 'ceph', 'fsid': worlds.FSID, 'stranded': 3,
            'candidates': [1, 2, 3], 'unknown_epochs': [5],
            'taken': ['192.0.2.2'], 'unreached': [3], 'is_smallest': True}]
    assert tuple(ROW) == lifeline.COLUMNS


@pytest.mark.parametrize('not_judged, code', [(0, 0), (2, 1)])
def test_nothing_to_do(run, found, not_judged, code):
    found((), not_judged)
    answer = run(lifeline, action='plan')
    assert answer[0] == code
    assert (answer[1]['plans'], answer[1]['lifelines']) == ([], [])
    assert answer[1]['not_judged'] == not_judged


def test_a_monitor_that_is_silent(cloud, run, found):
    with cloud.context() as context:
        cluster, = context.clusters
    found((), censuses=[engine.ClusterCensus(
        cluster, ('a',), (), (), {'a': 'no'}, {})])
    code, report, _ = run(lifeline, action='plan', host=[], from_ceph=True)
    assert (code, report['error']['kind']) == (5, 'unreachable')


def test_a_host_is_unknown_to_ceph(run, found):
    found()
    with pytest.raises(exceptions.ConfigError, match='does not know the ho'):
        run(lifeline, 'cmp1', action='plan', from_ceph=True)


def test_the_screen(show, found):
    found()
    assert show().endswith('\nNext: rbd-mon-fix guests\n')
    assert show(from_ceph=True).splitlines()[-2:] == [
        'Next: rbd-mon-fix guests --from-ceph', 'Next: rbd-mon-fix gate']


def test_chosen_columns(show, found):
    """Commands are one line for a shell."""
    found()
    assert show(format='value', column=['commands', 'back']) == (
        'one && two three && four\n')


def test_by_way_of_ceph(cloud, run, tmp_path, monkeypatch):
    """The engine itself, with a client that follows."""
    cloud.options.update(offline=False, former_monitors=[])
    (cloud.folder / 'ceph.conf').write_text('[global]\nmon_host = 192.0.2.1\n')
    monkeypatch.setattr(census, 'APART', 0.0)
    ceph = ceph_answers.CephAnswers(tmp_path / 'bin', monkeypatch, 'volumes')
    code, report, _ = run(lifeline, action='plan', host=[], from_ceph=True)
    assert (code, report['plans']) == (0, [])
    ceph.answer('rbd status --pool=volumes --image=web', '', 22, 'no')
    code, report, _ = run(lifeline, action='plan', host=[], from_ceph=True)
    assert (code, report['not_judged']) == (1, 1)
