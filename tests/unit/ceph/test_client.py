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

"""The ``ceph`` command, replaced by a script, and greeting monitors."""

import contextlib
import errno
import socket
import threading
import time

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client as ceph
from rbd_mon_fix.model import monmap
from rbd_mon_fix.model.monmap import MonAddr
from tests.unit import child_processes

BASE = ['mon', 'dump', '--format=json']


@pytest.mark.parametrize('conf, cluster, user, extra', [
    ('', None, None, []),
    ('', 'ceph', None, ['--cluster', 'ceph']),
    ('/c.conf', None, 'nova', ['--id', 'nova', '--conf', '/c.conf']),
    ('/c d.conf', 'fast', 'u',
     ['--id', 'u', '--cluster', 'fast', '--conf', '/c d.conf']),
])
def test_arguments_are_cinder_s_and_nova_s(command, conf, cluster, user,
                                           extra):
    command('for word; do echo "$word"; done')
    out = ceph.mon_dump(conf, cluster, user)
    assert out.splitlines() == BASE + extra


def test_an_override_in_the_ceph_conf_can_be_ignored(command):
    command('for word; do echo "$word"; done')
    assert ceph.mon_dump('/c', None, 'u', bypass=True).splitlines() == [
        *BASE, '--mon-host-override=', '--id', 'u', '--conf', '/c']


def test_stderr_and_locale_do_not_get_into_the_answer(command, monkeypatch):
    monkeypatch.setenv('LC_ALL', 'de_DE.UTF-8')
    command('echo noise >&2; cat; echo "$LC_ALL"')
    assert ceph.mon_dump('', None, None) == 'C\n'


def test_credentials_of_the_operator_do_not_reach_ceph(command, monkeypatch):
    monkeypatch.setenv('OS_PASSWORD', 'geheim')
    command('env')
    assert 'geheim' not in ceph.mon_dump('', None, None)


def test_a_failure_says_what_ceph_said_last(command):
    command('echo first >&2; echo "error connecting: x" >&2; exit 13')
    with pytest.raises(exceptions.Unreachable) as caught:
        ceph.mon_dump('', None, None)
    assert 'exit code 13: error connecting: x' in caught.value.message
    assert '--monitors-file' in caught.value.hint


def test_a_silent_failure(command):
    command('exit 1')
    with pytest.raises(exceptions.Unreachable, match='no error message'):
        ceph.mon_dump('', None, None)


def test_no_such_command(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(exceptions.Unreachable, match='ceph command') as e:
        ceph.mon_dump('', None, None)
    assert 'ceph-common' in e.value.hint


def test_without_quorum_it_is_ended_with_all_it_started(command, tmp_path):
    pids = tmp_path / 'pids'
    command(f'sleep 60 & echo $! $$ > {pids}; wait')
    begun = time.monotonic()
    with pytest.raises(exceptions.Unreachable, match='after 2 seconds'):
        ceph.mon_dump('', None, None, timeout=2)
    assert time.monotonic() - begun < 20
    for pid in pids.read_text().split():
        assert child_processes.ended(pid)


@pytest.fixture
def serve():
    """Serve greetings on loopback, with different bytes per server."""
    with contextlib.ExitStack() as stack:
        def started(greeting, host='127.0.0.1'):
            server = stack.enter_context(socket.create_server((host, 0)))
            thread = threading.Thread(target=greet, args=(server, greeting))
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(shut, server)
            return MonAddr(host, server.getsockname()[1])

        def greet(server, greeting):
            with contextlib.suppress(OSError):
                while True:
                    connection = server.accept()[0]
                    stack.callback(connection.close)
                    connection.sendall(greeting)
                    if not greeting.endswith(b'...'):
                        connection.close()

        def shut(server):
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

        yield started


def test_which_endpoints_greet_as_monitors(serve):
    v1 = serve(b'ceph v027' + bytes(272))
    v2 = serve(b'ceph v2\n' + bytes(18))
    other = serve(b'SSH-2.0-OpenSSH_9.2\r\n')
    rude = serve(b'')
    short = serve(b'ceph')
    closed = MonAddr('127.0.0.1', 1)
    asked = [v1, v2, other, rude, short, closed]
    assert ceph.answering(asked) == {v1, v2}


def test_one_that_keeps_silent_is_not_waited_for(serve):
    silent = serve(b'...')
    begun = time.monotonic()
    assert ceph.answering([silent], timeout=0.3) == frozenset()
    assert time.monotonic() - begun < 10


def test_names_that_do_not_resolve_do_not_answer():
    assert ceph.answering([MonAddr('no-such-name.invalid', 6789)]) == set()


def test_without_a_port_both_usual_ones_are_asked(serve, monkeypatch):
    v1 = serve(b'ceph v027' + bytes(272))
    monkeypatch.setattr(monmap, 'V2_PORT', 1)
    monkeypatch.setattr(monmap, 'V1_PORT', v1.port)
    bare = MonAddr('127.0.0.1', None)
    assert ceph.answering([bare]) == {bare}


def test_nobody_to_ask():
    assert ceph.answering([]) == frozenset()


def test_nobody_is_silent_for_want_of_descriptors(monkeypatch):
    def full(*args):
        raise OSError(errno.EMFILE, 'Too many open files')

    monkeypatch.setattr(socket, 'create_connection', full)
    with pytest.raises(OSError, match='Too many'):
        ceph.answering([MonAddr('127.0.0.1', 1)])


def test_many_are_asked(monkeypatch):
    """Each thread takes memory, and a user may have few of them."""
    workers = []

    def pool(count):
        workers.append(count)
        return real(count)

    real = ceph.futures.ThreadPoolExecutor
    monkeypatch.setattr(ceph.futures, 'ThreadPoolExecutor', pool)
    assert ceph.answering(
        [MonAddr('127.0.0.1', 1 + port) for port in range(300)]) == set()
    assert workers == [64]
