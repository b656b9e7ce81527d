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

"""Waits for PostgreSQL; tests/faults/test_silent.py has a real one."""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref

import pytest

from rbd_mon_fix.clients.database import postgresql


class Psycopg2:
    """The part of psycopg2 that waits."""

    class extensions:  # noqa: N801
        POLL_OK, POLL_READ, POLL_WRITE = 0, 1, 2
        callback = 'of somebody else'

        @classmethod
        def set_wait_callback(cls, callback):
            cls.callback = callback

    class OperationalError(Exception):
        """As there."""


class Connection:
    """A connection to PostgreSQL in some states, on a socket."""

    def __init__(self, on, *states):
        self.fileno = on.fileno
        self._states = iter(states)
        self.pgconn = self
        self.socket = on.fileno()
        self.closed = False
        self.status = 1

    def poll(self):
        return next(self._states)

    def close(self):
        self.closed = True


@pytest.fixture
def sockets():
    near, far = socket.socketpair()
    with near, far:
        yield near, far


@pytest.fixture
def wait():
    postgresql.wait_for_psycopg2(Psycopg2)
    return Psycopg2.extensions.callback


def test_psycopg2_waits(sockets, wait):
    near, far = sockets
    far.send(b'x')
    wait(Connection(near, 2, 1, 0))
    near.recv(1)
    silent = Connection(near, 1, 0)
    postgresql.limit_psycopg2(silent, 0.01)
    with pytest.raises(Psycopg2.OperationalError) as caught:
        wait(silent)
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_other_connections_of_psycopg2_have_no_limit(sockets, wait):
    """Neither those of other parts of a program, nor ours while it logs in."""
    near, far = sockets
    ours = Connection(near, 1, 0)
    postgresql.limit_psycopg2(ours, 0.01)
    late = threading.Timer(0.1, far.send, [b'x'])
    late.start()
    wait(Connection(near, 1, 0))
    late.join()


def test_a_connection_of_psycopg2_can_have_a_limit():
    """It takes weak references, and is a key."""
    psycopg2 = pytest.importorskip('psycopg2')
    made = psycopg2.extensions.connection.__new__(
        psycopg2.extensions.connection)
    postgresql.limit_psycopg2(made, 1.0)
    assert made in postgresql._LIMITS
    there = weakref.ref(made)
    del made
    assert there() is None


@pytest.mark.parametrize('given, hosts', [
    ({}, [(None, None, None)]),
    ({'host': 'a', 'port': 5432}, [('a', None, 5432)]),
    ({'host': '/run', 'hostaddr': ''}, [('/run', '', None)]),
    ({'host': 'a,b', 'port': 5432},
     [('a', None, '5432'), ('b', None, '5432')]),
    ({'host': 'a,b,', 'port': '1,2,'},
     [('a', None, '1'), ('b', None, '2'), ('', None, '')]),
    ({'hostaddr': '192.0.2.1,192.0.2.2', 'host': 'a,b'},
     [('a', '192.0.2.1', None), ('b', '192.0.2.2', None)]),
    # libpq says what is wrong.
    ({'host': 'a,b,c', 'port': '1,2'}, [('a,b,c', None, '1,2')])])
def test_the_hosts_of_a_list_take_turns(given, hosts):
    turns = postgresql.turns({'user': 'nova', **given})
    assert [tuple(map(each.get, ('host', 'hostaddr', 'port')))
            for each in turns] == hosts
    assert all(each['user'] == 'nova' for each in turns)


def work(*wanted):
    """Yield each wish, and return the answers."""
    answers = []
    for each in wanted:
        answers.append((yield each))
    return answers


@pytest.fixture
def limited(sockets):
    near, far = sockets
    connection = Connection(near)
    postgresql.limit_psycopg(Psycopg2, connection, 0.01)
    return connection, far


def test_psycopg_waits(limited):
    connection, far = limited
    far.send(b'x')
    assert connection.wait(work(2, 1, 3), 0.1, timeout=None) == [2, 1, 3]
    assert connection.wait(work()) == []
    assert not connection.closed


def test_a_silent_server_of_psycopg(limited):
    connection, _ = limited
    with pytest.raises(Psycopg2.OperationalError) as caught:
        connection.wait(work(1))
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert connection.closed


def test_psycopg_finds_out_that_a_server_is_gone(limited):
    connection, far = limited
    far.close()
    assert connection.wait(work(1, 2)) == [3, 3]


def test_an_error_of_the_server_closes_nothing(limited):
    connection, far = limited
    far.send(b'x')

    def failing():
        yield 1
        raise ValueError
    with pytest.raises(ValueError):
        connection.wait(failing())
    assert not connection.closed


def test_a_signal_closes_a_connection_of_psycopg(limited, monkeypatch):
    connection, _ = limited

    def interrupted(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(postgresql, '_ready', interrupted)
    with contextlib.suppress(KeyboardInterrupt):
        connection.wait(work(1))
    assert connection.closed


def test_the_numbers_are_those_of_psycopg():
    waiting = pytest.importorskip('psycopg.waiting')
    assert (waiting.WAIT_R, waiting.WAIT_W, waiting.WAIT_RW,
            waiting.READY_R, waiting.READY_W) == (1, 2, 3, 1, 2)
