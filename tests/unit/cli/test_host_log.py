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

"""The log counts what a command found and did on each host."""

import pytest

from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import status
from tests.unit import memory
from tests.unit.cli import test_audit_log

ZERO = dict.fromkeys(('stale', 'drifted', 'not_judged', 'due', 'fixed',
                      'conflict', 'failed', 'unverified', 'not_made'), '0')


@pytest.fixture
def logged(run, caplog):
    """Return a function that runs a command: its lines, without commands."""
    def lines(*args, **fields):
        caplog.clear()
        with caplog.at_level('INFO'):
            run(*args, **fields)
        return [test_audit_log.fields(record.getMessage())
                for record in caplog.records
                if record.name.endswith('audit_log')]
    return lines


def host(name, servers, **counts):
    copies = str(3 * servers)
    return {'event': 'host', 'command': 'command', 'run': '-', 'host': name,
            'servers': str(servers), 'records': copies, 'copies': copies,
            **ZERO, **counts}


def test_status(logged):
    assert logged(status, 'cmp1', 'cmp2') == [
        host('cmp1', 2, stale='6', due='6'),
        host('cmp2', 1, stale='3', due='3')]


def test_a_dry_run_has_no_id(logged):
    assert logged(refresh, 'cmp2', dry_run=True) == [
        host('cmp2', 1, stale='3', due='3')]


def test_a_run(logged, cloud):
    first, *hosts = logged(refresh, 'cmp1', 'cmp2')
    name, = (path.stem for path in (cloud.journal / 'runs').iterdir())
    assert first == {'event': 'run', 'command': 'command', 'run': name}
    assert hosts == [
        host('cmp1', 2, stale='6', due='6', fixed='6', run=name),
        host('cmp2', 1, stale='3', due='3', fixed='3', run=name)]
    # Everything is current now, and nothing is written.
    assert logged(refresh, 'cmp1', 'cmp2') == [
        host('cmp1', 2), host('cmp2', 1)]


def test_what_a_run_did_not_change(logged, cloud, monkeypatch):
    uuid = memory.uuid(3)
    texts = cloud.domains('cmp2').texts
    texts[uuid] = texts[uuid].replace(memory.OLD.split(':')[0], '10.66.6.6')
    found = logged(refresh, 'cmp2')[-1]
    assert (found['fixed'], found['not_judged']) == ('2', '1')
