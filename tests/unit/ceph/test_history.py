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

"""Fetching the epochs of a cluster's monmap."""

from __future__ import annotations

import json
import os
import time

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import history
from rbd_mon_fix.model.cluster import Way

WAY = Way('/x/ceph.conf', None, 'cinder')

# Answers as the real command does (tests/functional/test_real_ceph.py): JSON
# on a line of its own and a blank one; nothing for an epoch that is missing.
FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'
CEPH = """\
#!/usr/bin/env python3
import json, sys, time
open({log!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')
for line in sys.stdin:
    open({log!r}, 'a').write(line)
    words = line.split()
    if words == ['fsid']:
        print('{{"fsid":"f"}}', flush=True)
        continue
    epoch = int(words[-1])
    {act}
    if epoch in {epochs}:
        print(json.dumps({{'epoch': epoch, 'fsid': {fsid!r}, 'modified': 'now',
                          'mons': [{{'rank': 0, 'name': 'a',
                                    'addr': '10.0.0.%d:6789/0' % epoch}}]}}),
              end='\\n\\n', flush=True)
        print('dumped monmap epoch %d' % epoch, file=sys.stderr)
    else:
        print('Error ENOENT: there is no map', file=sys.stderr)
"""


@pytest.fixture
def ceph(tmp_path, monkeypatch):
    """Return a function that puts a command on the PATH."""
    log = tmp_path / 'log'

    def put(epochs, act='pass'):
        path = tmp_path / 'ceph'
        path.write_text(CEPH.format(
            log=str(log), fsid=FSID, epochs=list(epochs), act=act))
        path.chmod(0o755)
        monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
        return log

    return put


def asked(numbers, **fields):
    return [each.epoch for each in history.epochs(WAY, numbers, **fields)]


def test_all_through_one_process(ceph):
    log = ceph(range(1, 41))
    numbers = list(range(40, 0, -1))
    assert asked(numbers) == numbers
    first, *lines = log.read_text().splitlines()
    assert json.loads(first) == ['--format=json', '--id', 'cinder', '--conf',
                                 '/x/ceph.conf']
    assert [line for line in lines if line != 'fsid'] == [
        f'mon dump {number}' for number in numbers]


def test_epochs_that_are_not_there(ceph):
    ceph([5, 3])
    assert asked([6, 5, 4, 3, 2]) == [5, 3]


def test_nothing_to_ask_starts_nothing(ceph):
    log = ceph([])
    assert asked([]) == []
    assert not log.exists()


def test_addresses(ceph):
    ceph([2])
    [epoch] = history.epochs(WAY, [2])
    assert [str(addr) for addr in epoch.monmap.addrs] == ['10.0.0.2:6789']
    assert epoch.modified == 'now'


def test_a_cluster_that_hangs(ceph):
    ceph([3, 2], 'epoch == 2 and time.sleep(60)')
    began, found = time.monotonic(), []
    with pytest.raises(exceptions.Unreachable, match='in time'):
        for epoch in history.epochs(WAY, [3, 2], timeout=2):
            found.append(epoch.epoch)
    assert found == [3]
    assert time.monotonic() - began < 20


def test_a_command_that_ends(ceph):
    ceph([3, 2], 'epoch == 2 and sys.exit("no permission")')
    with pytest.raises(exceptions.Unreachable, match='no permission'):
        asked([3, 2])


def test_no_command(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(exceptions.Unreachable, match='ceph command'):
        asked([1])


def test_what_is_no_monmap_is_passed_over(ceph):
    ceph([2], 'print("[" * 100000, flush=True)')
    assert asked([3, 2]) == [2]
