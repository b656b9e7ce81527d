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

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.clients import server_locks

FREE = nova_servers.Lock(False)
OURS = nova_servers.Lock(True, 'rbd-mon-fix run1')
OTHER_RUN = nova_servers.Lock(True, 'rbd-mon-fix run10')
THEIRS = nova_servers.Lock(True, 'mine!')
SILENT = nova_servers.Lock(True, None)


class Api:
    """In-memory locks; the n-th call fails."""

    def __init__(self, locks, fails=None, error=exceptions.Unreachable):
        self.locks = dict(locks)
        self.fails = fails
        self.error = error
        self.calls = 0

    def locked(self, uuid):
        self.call(uuid)
        return self.locks[uuid]

    def lock(self, uuid, reason):
        self.call(uuid)
        self.locks[uuid] = nova_servers.Lock(True, reason)

    def unlock(self, uuid):
        self.call(uuid)
        self.locks[uuid] = FREE

    def call(self, uuid):
        self.calls += 1
        if self.calls == self.fails:
            raise self.error('Down.', 'Wait.')
        if uuid not in self.locks:
            raise exceptions.Gone('Gone.')


@pytest.mark.parametrize('before, during, after, ours', [
    (FREE, OURS, FREE, True),
    (OURS, OURS, FREE, True),
    (THEIRS, THEIRS, THEIRS, False),
    (SILENT, SILENT, SILENT, False),
    (OTHER_RUN, OTHER_RUN, OTHER_RUN, False),
])
def test_what_was_there_is_restored(before, during, after, ours):
    api = Api({'a': before})
    locks = server_locks.Locks(api)
    taken = locks.acquire(['a'], 'run1')
    assert taken == (frozenset('a') if ours else frozenset())
    assert api.locks == {'a': during}
    locks.release(['a'], 'run1')
    assert api.locks == {'a': after}


@pytest.mark.parametrize('since', [FREE, THEIRS, SILENT, OTHER_RUN])
def test_what_others_did_since_stays(since):
    api = Api({'a': FREE})
    locks = server_locks.Locks(api)
    taken = locks.acquire(['a'], 'run1')
    api.locks['a'] = since
    locks.release(taken, 'run1')
    assert api.locks == {'a': since}


def test_servers_that_are_gone_are_passed_over():
    api = Api({'b': FREE})
    locks = server_locks.Locks(api)
    assert locks.acquire(['a', 'b', 'c'], 'run1') == {'b'}
    locks.release(['a', 'b', 'c'], 'run1')
    assert api.locks == {'b': FREE}


@pytest.mark.parametrize('error', [
    exceptions.Unreachable, exceptions.ConfigError])
@pytest.mark.parametrize('fails', range(1, 7))
def test_an_error_while_locking_takes_all_back(fails, error):
    before = {'a': FREE, 'b': THEIRS, 'c': FREE, 'd': FREE}
    api = Api(before, fails, error)
    with pytest.raises(error, match='^Down. Wait.$'):
        server_locks.Locks(api).acquire('abcd', 'run1')
    assert api.locks == before


def test_an_interrupt_while_locking_takes_all_back():
    def uuids():
        yield 'a'
        raise KeyboardInterrupt

    api = Api({'a': FREE})
    with pytest.raises(KeyboardInterrupt):
        server_locks.Locks(api).acquire(uuids(), 'run1')
    assert api.locks == {'a': FREE}


def test_servers_that_stay_locked_are_named():
    api = Api({'a': OURS, 'b': OURS, 'c': OURS}, fails=3)
    with pytest.raises(exceptions.Unreachable) as caught:
        server_locks.Locks(api).release('cab', 'run1')
    assert 'b, c' in caught.value.message
    assert 'a, b' not in caught.value.message
    assert 'rbd-mon-fix run1' in caught.value.hint
