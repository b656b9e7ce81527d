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

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest

from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import schema
from tests.unit.report import sample


class Nowhere:

    encoding = 'utf-8'

    def __init__(self, terminal):
        self._terminal = terminal

    def isatty(self):
        return self._terminal

    def write(self, text):
        return len(text)

    def flush(self):
        pass


def stream_servers(fmt, count, terminal, size=50):
    """Write a report of many servers, all of them wrong, on ten hosts.

    :param size: number of servers of each host but the last
    """
    report = factory.report(fmt, Nowhere(terminal), schema.Kind.STATUS)
    summary = Summary()
    report.clusters([sample.CLUSTER], None)
    for number in range(count):
        host = f'cmp{min(number // size, 9)}'
        copies = sample.stale(number, host=host)[1:2]
        summary.add(copies, None)
        report.server(host, copies[0].instance, copies, None)
    report.close(ending.Ending(summary))


def peak(*args):
    tracemalloc.start()
    try:
        stream_servers(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# Less than any list of servers would take, more than an interpreter
# allocates for itself from time to time.
FLOOR = 2**18


@pytest.mark.once
@pytest.mark.parametrize('fmt, few, many', [
    ('table', 2000, 20000), ('json', 2000, 20000),
    ('csv', 2000, 20000), ('yaml', 500, 5000)])
def test_memory_does_not_grow_with_the_servers(fmt, few, many):
    stream_servers(fmt, 100, False)

    assert peak(fmt, many, False) < 1.5 * max(peak(fmt, few, False), FLOOR)


@pytest.mark.once
def test_a_terminal_takes_no_more_than_the_caches_of_rich(monkeypatch):
    monkeypatch.setenv('COLUMNS', '400')
    stream_servers('table', 100, True)

    assert peak('table', 4000, True) < 2**21


@pytest.mark.once
def test_a_line_of_a_server_is_all_that_a_host_takes():
    """A table of one host lists its servers, the worst first."""
    stream_servers('table', 100, False)

    assert peak('table', 4000, False, 4000) < 2**22


@pytest.mark.parametrize('fmt', factory.FORMATS)
@pytest.mark.parametrize('written', [
    'factory.report({!r}, io.StringIO(), schema.Kind.STATUS)',
    'listing.write({!r}, io.StringIO(), ["a"], [{{"a": 1}}], {{}})'],
    ids=['report', 'listing'])
def test_a_pipe_costs_no_import_of_rich(fmt, written):
    code = ('import io, sys\n'
            'from rbd_mon_fix.report import factory, listing, progress\n'
            'from rbd_mon_fix.report import schema\n'
            f'{written.format(fmt)}\n'
            'print("rich" in sys.modules, "yaml" in sys.modules)')
    done = subprocess.run([sys.executable, '-c', code], check=True,
                          capture_output=True, text=True)

    assert done.stdout.split() == ['False', str(fmt == 'yaml')]
