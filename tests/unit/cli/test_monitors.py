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

"""The output of ``monitors``."""

from __future__ import annotations

import dataclasses
import io

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.cli import monitors
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.history import FormerMonitor
from tests.unit import memory
from tests.unit import worlds


@pytest.mark.parametrize('answering, expected, status', [
    (None, 'not asked', 0), (frozenset(), 'no', 1),
    (frozenset(memory.addrs('10.1.0.1:3300,10.1.0.2:6789,10.1.0.3:6789')),
     'yes', 0),
])
def test_monitors(cloud, run, monkeypatch, answering, expected, status):
    opened = cloud.opened

    def answered(conf):
        context = opened(conf)
        context.__dict__.update(answering=answering,
                                clusters=(memory.cluster(former=''),))
        return context

    monkeypatch.setattr(cloud, 'opened', answered)
    code, report, _ = run(monitors)
    assert code == status
    [cluster] = report['clusters']
    assert cluster['monitors'] == memory.NEW.split(',')
    out = io.StringIO()
    monkeypatch.setattr(engine, 'Context', answered)
    monitors.run(cloud.conf(worlds.command(format='csv')), out, io.StringIO())
    rows = out.getvalue().splitlines()[1:]
    assert len(rows) == 3
    assert all(f',{expected},' in row for row in rows)


def test_what_is_printed_is_a_monitors_file(cloud, run, tmp_path):
    """One machine prints the file, another one reads it."""
    out = io.StringIO()
    with cloud.context() as context:
        [learnt] = context.clusters
    monitors.run(cloud.conf(worlds.command()), out, io.StringIO())
    path = tmp_path / 'monitors.json'
    path.write_text(out.getvalue())
    [read] = monitors_file.MonitorsFile(str(path)).clusters()
    assert (read.name, read.monmap.addrs) == (
        learnt.name, learnt.monmap.addrs)
    assert read.written


def test_former_monitors(cloud, run, monkeypatch):
    opened = cloud.opened

    def told(conf):
        context = opened(conf)
        context.__dict__.update(clusters=(dataclasses.replace(
            memory.cluster(), former=(FormerMonitor(
                'a', memory.addrs('10.0.0.1:6789'), 1, 2,
                '2026-11-20T00:00:00Z'),)),))
        return context

    monkeypatch.setattr(engine, 'Context', told)
    out = io.StringIO()
    monitors.run(cloud.conf(worlds.command(format='csv')), out, io.StringIO())
    last = out.getvalue().splitlines()[-1]
    assert ',a,10.0.0.1:6789,not asked,1-2,2026-11-20T00:00:00Z,' in last


@pytest.mark.parametrize('fields, doubt', [
    ({'source': Source.CEPH_CONF, 'written': '2026-11-20'},
     'The monitors of ceph come from ceph.conf, written 2026-11-20, not from '
     'the cluster itself.'),
    ({'source': Source.MONITORS_FILE, 'written': '2026-11-21',
      'first_source': 'mon-dump'},
     'The monitors of ceph come from monitors-file (mon-dump), written '
     '2026-11-21, not from the cluster itself.'),
    ({'source': Source.NONE, 'monmap': memory.monmap('')},
     'The monitors of ceph are unknown.'),
    ({'source': Source.MON_DUMP}, None)])
def test_a_list_that_is_not_certain(cloud, monkeypatch, fields, doubt):
    opened = cloud.opened

    def told(conf):
        context = opened(conf)
        context.__dict__.update(clusters=(dataclasses.replace(
            memory.cluster(former=''), **fields),))
        return context

    monkeypatch.setattr(engine, 'Context', told)
    out = io.StringIO()
    code = monitors.run(cloud.conf(worlds.command(format='table')), out,
                        io.StringIO())
    assert code == bool(doubt)
    text = ' '.join(out.getvalue().split())
    if doubt:
        assert doubt in text
    assert ('not certain' in text.partition('.')[0]) is bool(doubt)
