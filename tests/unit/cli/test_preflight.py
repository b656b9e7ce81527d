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

"""The report and the exit code of ``preflight``."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import preflight
from rbd_mon_fix.preflight import check
from rbd_mon_fix.preflight import runner
from rbd_mon_fix.preflight.check import Works

FINE = check.Check('kind', 'one', Works.YES, 'Fine.')
UNASKED = check.not_asked('kind', 'two', 'There is none.')
BROKEN = check.Check('kind', 'three', Works.NO, 'Down.', 'Start it.')


@pytest.mark.parametrize('checks, code', [
    ([FINE], 0), ([FINE, UNASKED], 0), ([FINE, BROKEN, UNASKED], 1)])
def test_codes(run, monkeypatch, checks, code):
    asked = []
    monkeypatch.setattr(runner, 'run', lambda context, hosts: (
        asked.append(hosts) or iter(checks)))
    got, report, _ = run(preflight, 'cmp1', 'cmp2')
    assert (got, asked) == (code, [['cmp1', 'cmp2']])
    assert [(row['subject'], row['works'], row['advice'])
            for row in report['checks']] == [
        (each.subject, each.works.value, each.advice or None)
        for each in checks]
    assert set(report['checks'][0]) == set(preflight.COLUMNS)


def test_a_deployment(cloud, run):
    """An error of a service becomes a line and does not end the command."""
    del cloud.libvirts['cmp2']
    code, report, _ = run(preflight, 'cmp1', 'cmp2')
    found = {(row['check'], row['subject']): row['works']
             for row in report['checks']}
    assert code == 1
    assert found['config', 'nova.conf'] == 'yes'
    assert found['database', "Cinder's"] == 'yes'
    assert found['libvirt', 'cmp2'] == 'no'


def test_no_host(cloud, run, monkeypatch):
    with pytest.raises(exceptions.ConfigError, match='Give --host'):
        list(runner.run(cloud.context(), []))
