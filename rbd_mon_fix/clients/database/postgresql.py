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

"""Waits for PostgreSQL, in Python: signals are obeyed, and silence ends.

psycopg2 waits in C, and psycopg, after a signal, for the cancelled statement.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import select
from typing import (
    Any,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Optional,
    TypeVar,
)
import weakref

R = TypeVar('R')

# What psycopg waits for, and what is ready (psycopg/waiting.py, Wait, Ready).
_READ, _WRITE = 1, 2

# The status of a psycopg2 connection that logs in, which Python's part of it
# does not name (psycopg/connection.h, CONN_STATUS_CONNECTING).
_CONNECTING = 20

# The seconds of silence that each connection of psycopg2 may have.
_LIMITS: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()


def turns(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of a login for each host of a list, in order.

    libpq leaves a host that is silent for the next one only while it waits
    in C (fe-connect.c, ``connectDBComplete``). A single port is that of all
    hosts (``connectOptions2``).
    """
    lists = {name: str(parameters[name]).split(',')
             for name in ('host', 'hostaddr', 'port') if parameters.get(name)}
    count = max(map(len, lists.values()), default=1)
    if count == 1 or any(len(each) not in (1, count)
                         for each in lists.values()):
        return [dict(parameters)]
    columns = [each if len(each) == count else itertools.repeat(each[0])
               for each in lists.values()]
    return [{**parameters, **dict(zip(lists, row))}
            for row in itertools.islice(zip(*columns), count)]


def wait_for_psycopg2(psycopg2: Any) -> None:
    """Wait for the connections of psycopg2 in Python, where a signal is seen.

    The function that waits is one for the process: threads must not take it
    from each other, and connections of others in it have no limit.
    """
    psycopg2.extensions.set_wait_callback(
        functools.partial(_wait_for_psycopg2, psycopg2))


def limit_psycopg2(connection: Any, limit: float) -> None:
    """Limit the waits of a connection of psycopg2 from now on.

    :param limit: seconds of silence during a statement
    """
    _LIMITS[connection] = limit


def limit_psycopg(psycopg: Any, connection: Any, limit: float) -> None:
    """Limit the waits of a connection of psycopg 3.

    :param limit: seconds of silence during a statement
    """
    connection.wait = functools.partial(_wait_for_psycopg, psycopg,
                                        connection, limit)


def _wait_for_psycopg2(psycopg2: Any, connection: Any) -> None:
    """Wait as psycopg2/extras.py, ``wait_select``.

    An error closes the connection: psycopg2 does so itself (green_panic), but
    not while it logs in, and the server would wait for the rest of the login.
    """
    while True:
        try:
            state = connection.poll()
        except psycopg2.OperationalError:
            if connection.status == _CONNECTING:
                connection.close()  # later, it would wait for this statement
            raise
        if state == psycopg2.extensions.POLL_OK:
            return
        wanted = (_READ if state == psycopg2.extensions.POLL_READ
                  else _WRITE)
        if not _ready(connection.fileno(), wanted, _LIMITS.get(connection)):
            raise psycopg2.OperationalError('no answer') from TimeoutError()


def _wait_for_psycopg(psycopg: Any, connection: Any, limit: float,
                      work: Generator[int, int, R], *_: object,
                      **__: object) -> R:
    """Wait as psycopg/waiting.py, ``wait_poll``."""
    try:
        wanted = next(work)
        while True:
            with _closed_on_error(connection.close):
                ready = _ready(connection.pgconn.socket, wanted, limit)
                if not ready:
                    raise psycopg.OperationalError(
                        'no answer') from TimeoutError()
            wanted = work.send(ready)
    except StopIteration as end:
        result: R = end.value
        return result


@contextlib.contextmanager
def _closed_on_error(close: Callable[[], None]) -> Iterator[None]:
    """Close a connection whose statement may still be running."""
    try:
        yield
    except BaseException:
        close()
        raise


def _ready(socket: int, wanted: int, limit: Optional[float]) -> int:
    """Return what a socket is ready for; 0 after the limit.

    A socket that has failed is ready for everything: the driver finds out.
    """
    poll = select.poll()
    poll.register(socket, (select.POLLIN if wanted & _READ else 0)
                  | (select.POLLOUT if wanted & _WRITE else 0))
    found = poll.poll(None if limit is None else limit * 1000)
    if not found:
        return 0
    event = found[0][1]
    return ((_READ if event & ~select.POLLOUT else 0)
            | (_WRITE if event & ~select.POLLIN else 0))
