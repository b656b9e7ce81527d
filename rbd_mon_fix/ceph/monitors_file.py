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

"""The file of ``--monitors-file``: clusters as ``monitors -f json`` has them.

``report.schema`` writes them; a test reads what it writes.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any, Optional
import uuid

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap

VERSION = 1

_HINT = ('Write it with "rbd-mon-fix monitors -f json", or by hand: '
         '{"clusters": [{"name": "ceph", "monitors": ["192.0.2.1:6789"]}]}')


class _Misfit(Exception):
    """Something in the file is not as it has to be."""


def load(path: str) -> tuple[Cluster, ...]:
    """Read clusters; only ``name`` and ``monitors`` are needed of each.

    :raises ConfigError: the file cannot be read or understood
    """
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding='utf-8'))
        return _clusters(document)
    except OSError as e:
        raise exceptions.ConfigError(
            f'The monitors file {path} cannot be read: {e.strerror}.',
            _HINT) from e
    except ValueError as e:
        raise exceptions.ConfigError(
            f'The monitors file {path} is no JSON: {e}.', _HINT) from e
    except _Misfit as e:
        raise exceptions.ConfigError(
            f'The monitors file {path} cannot be used: {e}.', _HINT) from e


def _clusters(document: object) -> tuple[Cluster, ...]:
    top = _of_type(document, dict, 'the whole')
    if top.get('version', VERSION) != VERSION:
        raise _Misfit(f'version is not {VERSION}')
    entries = _of_type(top.get('clusters'), list, 'clusters')
    clusters = tuple(_cluster(entry, f'clusters[{number}]')
                     for number, entry in enumerate(entries))
    if not clusters:
        raise _Misfit('clusters is empty')
    for field in ('name', 'fsid'):
        words = [getattr(cluster, field) for cluster in clusters]
        twice = {word for word in words if word and words.count(word) > 1}
        if twice:
            raise _Misfit(f'{field} {min(twice)} occurs twice')
    return clusters


def _cluster(entry: object, spot: str) -> Cluster:
    fields = _of_type(entry, dict, spot)
    monmap = MonMap(_monitors(fields, spot))
    unknown = fields.get('source') == Source.NONE.value
    if not monmap.monitors and not unknown:
        raise _Misfit(f'{spot}.monitors is empty')
    backends = _of_type(fields.get('backends', []), list, f'{spot}.backends')
    return Cluster(
        name=_text(fields, 'name', spot),
        fsid=_fsid(fields, spot),
        source=Source.MONITORS_FILE if monmap.monitors else Source.NONE,
        monmap=monmap,
        backends=tuple(_backend(backend, f'{spot}.backends[{number}]')
                       for number, backend in enumerate(backends)))


def _monitors(fields: dict[str, Any], spot: str) -> tuple[Monitor, ...]:
    addrs = _addrs(fields.get('monitors'), f'{spot}.monitors')
    if len(set(addrs)) < len(addrs):
        raise _Misfit(f'{spot}.monitors names one twice')
    given = fields.get('addresses')
    if given is None:
        return tuple(Monitor('', addr, (addr,)) for addr in addrs)
    spot = f'{spot}.addresses'
    if len(_of_type(given, list, spot)) != len(addrs):
        raise _Misfit(f'{spot} has not as many entries as monitors')
    return tuple(_monitor(addr, _addrs(every, f'{spot}[{number}]'),
                          f'{spot}[{number}]')
                 for number, (addr, every) in enumerate(zip(addrs, given)))


def _monitor(addr: MonAddr, addrs: tuple[MonAddr, ...],
             spot: str) -> Monitor:
    if addr not in addrs:
        raise _Misfit(f'{spot} lacks {addr}')
    return Monitor('', addr, addrs)


def _addrs(value: object, spot: str) -> tuple[MonAddr, ...]:
    return tuple(_addr(text, f'{spot}[{number}]')
                 for number, text in enumerate(_of_type(value, list, spot)))


def _addr(text: object, spot: str) -> MonAddr:
    """Read an address; Cinder hands out neither names nor bare hosts."""
    try:
        addr = MonAddr.parse(_of_type(text, str, spot))
    except ValueError as e:
        raise _Misfit(f'{spot}: {e}') from e
    if addr.port is None or addr.is_name:
        raise _Misfit(f'{spot} is not an IP address with a port')
    return addr


def _backend(entry: object, spot: str) -> Backend:
    fields = _of_type(entry, dict, spot)
    return Backend(owner=_text(fields, 'owner', spot),
                   name=_optional(fields, 'name', spot) or '',
                   pool=_optional(fields, 'pool', spot),
                   user=_optional(fields, 'user', spot),
                   secret_uuid=_optional(fields, 'secret_uuid', spot))


def _fsid(fields: dict[str, Any], spot: str) -> Optional[str]:
    text = _optional(fields, 'fsid', spot)
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError as e:
        raise _Misfit(f'{spot}.fsid is no UUID') from e


def _text(fields: dict[str, Any], key: str, spot: str) -> str:
    text = _optional(fields, key, spot)
    if not text:
        raise _Misfit(f'{spot}.{key} is missing')
    return text


def _optional(fields: dict[str, Any], key: str, spot: str) -> Optional[str]:
    value = fields.get(key)
    if value is None:
        return None
    return str(_of_type(value, str, f'{spot}.{key}'))


def _of_type(value: object, kind: type, spot: str) -> Any:
    if not isinstance(value, kind):
        word = {'dict': 'object', 'str': 'text'}.get(
            kind.__name__, kind.__name__)
        raise _Misfit(f'{spot} is no {word}')
    return value
