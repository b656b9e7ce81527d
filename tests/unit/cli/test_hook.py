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

import os

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import hook
from rbd_mon_fix.hook import daemon


@pytest.fixture(autouse=True)
def no_daemons(monkeypatch):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(()))


def test_the_whole_way(cloud, run):
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
    assert run(hook, action='status')[0] == 0
    code, report, _ = run(hook, action='remove')
    # The command succeeded even though the hook is missing.
    assert (code, report['hook'][0]['state']) == (0, 'missing')


def test_nothing_is_installed_without_monitors(cloud, run):
    (cloud.folder / 'ceph.conf').unlink()
    with pytest.raises(exceptions.ConfigError):
        run(hook, action='install')
    assert run(hook, action='status')[0] == 1
