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

"""A search asks clusters while other work goes on, and leaves nothing."""

import json
import signal
import threading
import time

import pytest

from rbd_mon_fix.ceph import backends
from rbd_mon_fix.ceph import search
from rbd_mon_fix.model.cluster import Source
from tests.unit import child_processes

FSID = '11111111-0f05-4842-a642-2f40a98c65ab'
DUMP = json.dumps({'fsid': FSID, 'mons': [
    {'rank': 0, 'name': 'a', 'addr': '10.0.0.9:6789/0'}]})


def confs(tmp_path, *names):
    found = []
    for name in names:
        path = tmp_path / name
        path.write_text('[global]\nmon_host = 10.0.0.1\n')
        backend = backends.Backend('cinder', name, 'volumes', 'u', 'S')
        found.append(backends.ClusterConf(str(path), 'ceph', (
            backends.Section(str(path), None, 'ceph', 'u', backend),)))
    return found


@pytest.fixture
def sleeping(tmp_path, command):
    """Let ``ceph`` sleep, and return the file with the PIDs when it does."""
    pids = tmp_path / 'pids'
    command(f'sleep 60 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait')
    return pids


@pytest.fixture
def interruptible():
    """Have SIGINT interrupt at once, as main does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ended_before_its_limit(begun, pids):
    assert time.monotonic() - begun < 14
    return all(map(child_processes.ended, pids.read_text().split()))


def test_other_work_goes_on(tmp_path, command):
    asked, go = tmp_path / 'asked', tmp_path / 'go'
    command(f"touch {asked}; until [ -e {go} ]; do sleep 0.01; done\n"
            f"echo '{DUMP}'")
    with search.Search(confs(tmp_path, 'a.conf')) as asking:
        child_processes.wait_for(asked)
        assert asked.exists()
        go.touch()
        found, = asking.found()
        assert (found.source, found.fsid) == (Source.MON_DUMP, FSID)


def test_clusters_are_asked_side_by_side(tmp_path, command):
    command(f'mkdir {tmp_path}/turn.$$\n'
            f'until [ "$(ls -d {tmp_path}/turn.* | wc -l)" = 3 ]\n'
            f"do sleep 0.01; done; echo '{DUMP}'")
    with search.Search(confs(tmp_path, 'a.conf', 'b.conf', 'c.conf')) as each:
        assert [found.source for found in each.found()] == [
            Source.MON_DUMP] * 3


def test_commands_end_when_nobody_waits_for_them(tmp_path, sleeping):
    begun = time.monotonic()
    with search.Search(confs(tmp_path, 'a.conf')):
        child_processes.wait_for(sleeping)
    assert ended_before_its_limit(begun, sleeping)


def test_ctrl_c_ends_the_wait_and_the_commands(tmp_path, sleeping,
                                               interruptible):
    def interrupt():
        child_processes.wait_for(sleeping)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), search.Search(
            confs(tmp_path, 'a.conf')) as asking:
        threading.Thread(target=interrupt).start()
        asking.found()
    assert ended_before_its_limit(begun, sleeping)


def test_no_cluster_to_ask():
    with search.Search(()) as asking:
        assert asking.found() == []
