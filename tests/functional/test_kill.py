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

"""A kill at any moment, then the same command again."""

from __future__ import annotations

import sys

from tests.cloud import shape
from tests.functional import operator

SERVERS = (
    shape.Server('one', (shape.stale('one'),), shape.ALPHA.old),
    shape.Server('two', (shape.stale('two', shape.BETA),)),
)
MOMENTS = range(100)


def test_a_kill_at_any_moment_loses_nothing(build_cloud):
    """Each round restores the initial state, so all share one cloud."""
    admin = operator.Operator(build_cloud(SERVERS))
    stale = operator.without_stamps(admin.holds())
    assert admin.run('refresh', '--host', 'cmp1').code == 0
    right = operator.without_stamps(admin.holds())
    take_all_back(admin)
    assert operator.without_stamps(admin.holds()) == stale

    rounds = 0
    for moment in MOMENTS:
        killed = admin.run('refresh', '--host', 'cmp1', program=[
            sys.executable, '-m', 'tests.functional.killed', str(moment)])
        if killed.code == 0:
            break
        rounds += 1
        assert killed.code == -9
        again = admin.run('refresh', '--host', 'cmp1')
        assert again.code == 0, again.err
        assert operator.without_stamps(admin.holds()) == right, moment
        take_all_back(admin)
        assert operator.without_stamps(admin.holds()) == stale, moment
    # The head of the run, begin, one end per store, and the close.
    assert rounds == 2 * 6


def take_all_back(admin):
    """Roll back all runs not rolled back yet, the newest first."""
    runs = admin.run('journal', 'list', '-f', 'json').json['runs']
    undone = {word for run in runs for word in run['command'].split()[1:]}
    for run in reversed(runs):
        if run['command'] == 'refresh' and run['run'] not in undone:
            if run['changes']:
                done = admin.run('rollback', run['run'])
                assert done.code == 0, done.err
