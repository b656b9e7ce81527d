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

"""The monitors of a cluster, and the clients that have a session on each."""

from __future__ import annotations

from typing import Iterator, Sequence, Union

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.ceph import mon_dump
from rbd_mon_fix.ceph import parallel

_SESSIONS = 'ceph tell mon.NAME sessions'


def monitors(admin: commands.Administrator, fsid: object) -> tuple[str, ...]:
    """Return the names of all monitors in the present monmap.

    :param fsid: the fsid of the cluster
    :raises Unreachable: the cluster does not answer this user, or another
        cluster answers
    """
    found = mon_dump.parse(admin.run(
        [('ceph', 'mon', 'dump', '--format=json')], admin.output)[0])
    if found.fsid != fsid:
        raise exceptions.Unreachable(
            f'client.{admin.user} reaches the cluster {found.fsid}, not '
            f'{admin.cluster}.', 'Correct the ceph.conf of that cluster.')
    return tuple(commands.name(each, 'ceph mon dump') for each in (
        *(monitor.name for monitor in found.monmap.monitors),
        *found.pending))


def clients(admin: commands.Administrator, names: Sequence[str]
            ) -> tuple[dict[str, frozenset[int]], dict[str, str]]:
    """Return the clients of each monitor, and why others did not tell.

    Only ``allow *`` permits the question (src/mon/Monitor.cc,
    ``handle_tell_command``).

    :param names: the monitors to ask
    :raises Unreachable: the user lacks the permission
    """
    def read(words: parallel.Words, answer: parallel.Answer
             ) -> Union[frozenset[int], str]:
        admin.require(answer)
        return answer.told if answer.code != 0 else parse(answer.out)

    answers = dict(zip(names, admin.run(
        [('ceph', 'tell', f'mon.{name}', 'sessions', '--format=json')
         for name in names], read)))
    return ({name: found for name, found in answers.items()
             if isinstance(found, frozenset)},
            {name: found for name, found in answers.items()
             if isinstance(found, str)})


def parse(text: str) -> frozenset[int]:
    """Return the clients in the output of ``ceph tell mon.X sessions``.

    A client that is still looking for a monitor is listed before it is
    authenticated.

    :raises Unreachable: the output has another form
    """
    found = commands.parse(text, _SESSIONS)
    if not isinstance(found, list):
        raise commands.unusable(_SESSIONS, 'it is not a list')
    return frozenset(_clients(found))


def _clients(found: list[object]) -> Iterator[int]:
    for each in found:
        client = each.get('global_id') if isinstance(each, dict) else None
        if not isinstance(each, dict) or (
                isinstance(client, bool) or not isinstance(client, int)):
            raise commands.unusable(_SESSIONS, 'a session has no global_id')
        if each.get('authenticated') is True and each.get('open') is True:
            yield client
