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

"""One run per host at a time, across processes."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.state import locks

BOUND = 30
HOLD = """
import sys
from rbd_mon_fix.state import locks
with locks.held(sys.argv[1], sys.argv[2:]):
    print('held', flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """Return a function that starts a process that locks hosts."""
    started = []

    def holding(*hosts):
        process = subprocess.Popen(
            [sys.executable, '-c', HOLD, str(tmp_path), *hosts],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == 'held\n'
        return process

    yield holding
    for process in started:
        process.kill()
        process.communicate(timeout=BOUND)


def test_another_process_is_refused_until_the_holder_ends(tmp_path, hold):
    holder = hold('cmp1', 'cmp2')
    with locks.held(str(tmp_path), ['cmp3']):
        pass
    for hosts in (['cmp1'], ['cmp3', 'cmp2']):
        with pytest.raises(exceptions.Refused,
                           match=f'{holder.pid}.* {hosts[-1]}'):
            with locks.held(str(tmp_path), hosts):
                pytest.fail('two held one lock')
    # A refused caller releases the locks that it had already taken.
    with locks.held(str(tmp_path), ['cmp3']):
        pass
    holder.communicate('', timeout=BOUND)
    with locks.held(str(tmp_path), ['cmp1', 'cmp2']):
        pass


def test_a_lock_dies_with_its_holder(tmp_path, hold):
    holder = hold('cmp1')
    os.kill(holder.pid, signal.SIGKILL)
    assert holder.wait(timeout=BOUND) == -signal.SIGKILL
    with locks.held(str(tmp_path), ['cmp1']):
        pass


def test_one_process_is_refused_as_well_and_may_come_again(tmp_path):
    with locks.held(str(tmp_path), ['cmp1']):
        with pytest.raises(exceptions.Refused, match=str(os.getpid())):
            with locks.held(str(tmp_path), ['cmp1']):
                pytest.fail('two held one lock')
    with locks.held(str(tmp_path), ['cmp1', 'cmp1']):
        pass


def test_a_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(KeyError):
        with locks.held(str(tmp_path), ['cmp1']):
            raise KeyError
    with locks.held(str(tmp_path), ['cmp1']):
        pass


def test_no_hosts(tmp_path):
    with locks.held(str(tmp_path), []):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('host', [
    'cmp1.example.org', '../../evil', '/etc/passwd', '..', 'a b', '%2F'])
def test_a_host_s_name_leads_nowhere_else(tmp_path, host):
    folder = tmp_path / 'journal'
    with locks.held(str(folder), [host]):
        [lock] = (folder / 'locks').iterdir()
        assert lock.name.endswith('.lock')
    assert list(tmp_path.iterdir()) == [folder]
    assert [path.name for path in folder.iterdir()] == ['locks']


def test_hosts_are_not_mixed_up(tmp_path):
    hosts = ['a/b', 'a%2Fb', 'a_b', 'A/B']
    with locks.held(str(tmp_path), hosts):
        assert len(list((tmp_path / 'locks').iterdir())) == len(hosts)


@pytest.mark.parametrize('host', ['cmp1', 'x' * 300])
def test_a_folder_that_cannot_be_written(tmp_path, host):
    folder = tmp_path / 'file'
    if host == 'cmp1':
        folder.write_text('')
    with pytest.raises(exceptions.ConfigError, match='--journal-dir'):
        with locks.held(str(folder), [host]):
            pytest.fail('a lock without a file')


@pytest.mark.parametrize('module, call, number', [
    (fcntl, 'flock', errno.ENOLCK), (os, 'ftruncate', errno.EIO),
    (os, 'pwrite', errno.ENOSPC)])
def test_a_lock_that_cannot_be_taken(
        tmp_path, monkeypatch, module, call, number):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(module, call, fail)
        with pytest.raises(OSError) as caught:
            locks.held(str(tmp_path), ['cmp1']).__enter__()
    told = exceptions.of_system(caught.value).message
    assert os.strerror(number) in told
    assert str(tmp_path / 'locks' / 'cmp1.lock') in told
    with locks.held(str(tmp_path), ['cmp1']):
        pass
