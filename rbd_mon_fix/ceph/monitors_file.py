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

"""A reader for the ``--monitors-file``, written by ``monitors -f json``.

``monitors_file.schema.json`` defines the format; this module checks the
rules that a schema cannot express. ``report.schema`` writes the file, and a
test reads its output back.
"""

from __future__ import annotations

import collections
import functools
import json
from typing import Iterable, Optional, Sequence, TypedDict
import uuid

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import monitors_schema
from rbd_mon_fix.model import secret
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.json_form import Misfit
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap

MAX_BYTES = 1 << 20

_HINT = ('Write it with "rbd-mon-fix monitors -f json", or by hand: '
         '{"clusters": [{"name": "ceph", "monitors": ["192.0.2.1:6789"]}]}')


class _BackendMembers(TypedDict, total=False):
    owner: str
    name: Optional[str]
    pool: Optional[str]
    user: Optional[str]
    secret_uuid: Optional[str]
    host: Optional[str]


class _Required(TypedDict):
    name: str
    monitors: list[str]


class _FormerMembers(TypedDict, total=False):
    name: Optional[str]
    addresses: list[str]
    epochs: Optional[list[int]]
    until: Optional[str]
    answers: Optional[bool]


class _ClusterMembers(_Required, total=False):
    fsid: Optional[str]
    addresses: Optional[list[list[str]]]
    source: Optional[str]
    first_source: Optional[str]
    written: Optional[str]
    epochs: Optional[list[int]]
    former: list[_FormerMembers]
    backends: list[_BackendMembers]


class MonitorsFile:
    """A monitors file, which is read only once.

    :param path: ``-`` for standard input
    """

    def __init__(self, path: str):
        self.name = 'on standard input' if path == '-' else path
        self._path = path

    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters; only name and monitors are required.

        :raises ConfigError: the file cannot be read or has errors
        """
        try:
            document = json.loads(self._text())
            monitors_schema.check(document)
            return _clusters(document['clusters'])
        except OSError as e:
            raise exceptions.ConfigError(
                f'Cannot read the monitors file {self.name}: {e.strerror}.',
                _HINT) from e
        except ValueError as e:
            raise exceptions.ConfigError(
                f'The monitors file {self.name} is not valid JSON: {e}.',
                _HINT) from e
        except RecursionError as e:
            raise exceptions.ConfigError(
                f'The monitors file {self.name} is nested too deeply.',
                _HINT) from e
        except Misfit as e:
            raise exceptions.ConfigError(
                f'Invalid monitors file {self.name}: {e}.', _HINT) from e

    def _text(self) -> str:
        if len(self._content) > MAX_BYTES:
            raise Misfit(f'it is larger than {MAX_BYTES >> 20} MiB')
        return self._content.decode()

    @functools.cached_property
    def _content(self) -> bytes:
        is_stdin = self._path == '-'
        with open(0 if is_stdin else self._path, 'rb',
                  closefd=not is_stdin) as file:
            return file.read(MAX_BYTES + 1)


def _clusters(entries: list[_ClusterMembers]) -> tuple[Cluster, ...]:
    clusters = tuple(_cluster(entry, f'clusters[{number}]')
                     for number, entry in enumerate(entries))
    _check_unique('the name', [cluster.name for cluster in clusters])
    _check_unique('the fsid', [cluster.fsid for cluster in clusters])
    return clusters


def _check_unique(subject: str, found: Iterable[object]) -> None:
    for each, count in collections.Counter(found).items():
        if each and count > 1:
            raise Misfit(f'{subject} {each} occurs {count} times')


def _cluster(entry: _ClusterMembers, place: str) -> Cluster:
    monmap = MonMap(_monitors(entry, place))
    epochs = entry.get('epochs')
    former = [_former(each, f'{place}.former[{number}]')
              for number, each in enumerate(entry.get('former', ()))]
    return Cluster(
        name=entry['name'],
        fsid=_fsid(entry.get('fsid'), place),
        source=Source.MONITORS_FILE if monmap.monitors else Source.NONE,
        monmap=monmap,
        backends=tuple(map(_backend, entry.get('backends', ()))),
        former=tuple(former),
        greeted=_greeted(entry, former),
        span=(epochs[0], epochs[-1]) if epochs else None,
        written=entry.get('written') or '',
        first_source=(entry.get('first_source') or entry.get('source') or '')
        if monmap.monitors else '')


def _former(entry: _FormerMembers, place: str) -> FormerMonitor:
    first, last = (*(entry.get('epochs') or ()), 0, 0)[:2]
    addrs = _addrs(entry['addresses'], f'{place}.addresses')
    if not addrs:
        raise Misfit(f'{place}.addresses is empty')
    return FormerMonitor(entry.get('name') or '', addrs, first, last,
                         entry.get('until') or '')


def _greeted(entry: _ClusterMembers, former: Sequence[FormerMonitor]
             ) -> Optional[frozenset[MonAddr]]:
    """Return the former addresses that answered; None if none was asked."""
    answers = [each.get('answers') for each in entry.get('former', ())]
    if all(each is None for each in answers):
        return None
    return frozenset(addr for each, answered in zip(former, answers)
                     if answered for addr in each.addrs)


def _monitors(entry: _ClusterMembers, place: str) -> tuple[Monitor, ...]:
    addrs = _addrs(entry['monitors'], f'{place}.monitors')
    _check_unique(f'{place}.monitors:', addrs)
    vectors = entry.get('addresses')
    if vectors is None:
        return tuple(Monitor('', addr, (addr,)) for addr in addrs)
    place = f'{place}.addresses'
    if len(vectors) != len(addrs):
        raise Misfit(f'{place} has {len(vectors)} entries, but monitors '
                      f'has {len(addrs)}')
    return tuple(_monitor(addr, _addrs(vector, f'{place}[{number}]'),
                          f'{place}[{number}]')
                 for number, (addr, vector) in enumerate(zip(addrs, vectors)))


def _monitor(addr: MonAddr, addrs: tuple[MonAddr, ...],
             place: str) -> Monitor:
    if addr not in addrs:
        raise Misfit(f'{place} lacks {addr}, the address in monitors')
    return Monitor('', addr, addrs)


def _addrs(texts: Sequence[str], place: str) -> tuple[MonAddr, ...]:
    return tuple(_addr(text, f'{place}[{number}]')
                 for number, text in enumerate(texts))


def _addr(text: str, place: str) -> MonAddr:
    """Parse an IP address with a port; Cinder returns no other form."""
    try:
        addr = MonAddr.parse(text)
    except ValueError as e:
        raise Misfit(f'{place}: {e}') from e
    if addr.port is None or addr.is_name or addr.is_placeholder:
        raise Misfit(f'{place} must be an IP address with a port')
    return addr


def _backend(entry: _BackendMembers) -> Backend:
    return Backend(owner=entry['owner'], name=entry.get('name') or '',
                   pool=entry.get('pool'), user=entry.get('user'),
                   secret_uuid=secret.canonical(entry.get('secret_uuid')),
                   host=entry.get('host'))


def _fsid(text: Optional[str], place: str) -> Optional[str]:
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError as e:
        raise Misfit(f'{place}.fsid is not a UUID') from e
