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

"""The connection_info of one volume, as Nova and Cinder store it.

Nova nests the driver's part under ``data`` (nova/virt/block_device.py);
Cinder's attachments are flat (cinder/volume/manager.py,
``_connection_update``). Both write JSON with the defaults of ``json.dumps``.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import host_lists
from rbd_mon_fix.documents import json_members
from rbd_mon_fix.model import secret
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import UnreadableDisk
from rbd_mon_fix.model.monmap import MonAddr

# Neither a database nor libvirt takes NUL or a lone surrogate.
_NO_TEXT = re.compile('[\0\ud800-\udfff]')


@dataclasses.dataclass(frozen=True)
class ConnectionInfo:
    """The connection_info of one RBD volume; see ``parse``."""

    text: str = dataclasses.field(repr=False)
    disk: RbdDisk
    hosts: json_members.Span
    ports: json_members.Span
    unreadable: tuple[UnreadableDisk, ...] = ()

    @classmethod
    def parse(cls, text: Optional[str]) -> Optional[ConnectionInfo]:
        """Read a connection_info.

        :param text: the column's value
        :returns: None for other drivers than rbd
        :raises Unreadable: the text is not a connection_info, or one of rbd
            without a list of monitors
        """
        try:
            return cls._parse(text)
        except RecursionError:
            raise exceptions.Unreadable(
                'the connection_info is nested too deeply') from None

    @classmethod
    def _parse(cls, text: Optional[str]) -> Optional[ConnectionInfo]:
        whole = _load(text)
        assert text is not None
        nested = isinstance(whole.get('data'), dict)
        data = whole['data'] if nested else whole
        driver = whole.get('driver_volume_type',
                           data.get('driver_volume_type'))
        if driver is None:
            raise exceptions.Unreadable('the connection_info names no driver')
        if driver != 'rbd':
            return None
        hosts, ports = _spans(text, data, nested)
        lists = host_lists.read(_part(text, hosts), _part(text, ports))
        disk = RbdDisk(
            key='volume', image=_image(data),
            user=_auth(data, 'auth_username'),
            secret_uuid=secret.canonical(_auth(data, 'secret_uuid')),
            monitors=lists.monitors, ragged=lists.ragged,
            verbatim=lists.verbatim,
            volume_id=_word(data, 'volume_id') or _word(whole, 'volume_id'))
        assert hosts and ports
        return cls(text, disk, hosts, ports)

    @property
    def disks(self) -> tuple[RbdDisk, ...]:
        """Return the one disk, in a tuple."""
        return (self.disk,)

    def spell(self, disk: RbdDisk, monitors: tuple[MonAddr, ...]) -> str:
        """Return both lists for other monitors, as Cinder writes them."""
        return host_lists.spelled(monitors)

    def edited(self, verbatims: Mapping[str, str]) -> ConnectionInfo:
        """Return a copy in which only the two lists are replaced.

        :raises Unreadable: the new text does not hold two such lists
        """
        if self.disk.key not in verbatims:
            return self
        words = verbatims[self.disk.key]
        try:
            hosts, ports = json.loads(words)
            lists = host_lists.read(hosts, ports)
        except (TypeError, ValueError, RecursionError):
            raise exceptions.Unreadable(
                'the new hosts and ports are not valid JSON') from None
        disk = dataclasses.replace(self.disk, monitors=lists.monitors,
                                   ragged=lists.ragged, verbatim=words)
        parts = {self.hosts: hosts, self.ports: ports}
        text, spans = json_members.spliced(self.text, parts)
        return ConnectionInfo(text, disk, spans[self.hosts],
                              spans[self.ports], self.unreadable)


def _spans(text: str, data: Mapping[str, Any], nested: bool
           ) -> tuple[Optional[json_members.Span], ...]:
    """Return the spans of the lists of hosts and ports.

    :param data: the driver's part
    :param nested: whether it is a member of the whole
    """
    names = ('hosts', 'ports')
    if data.keys() >= {*names}:
        found = tuple(json_members.only_list(text, name) for name in names)
        if all(found):
            return found
    spans = json_members.spans(text, text.index('{'))
    if nested:
        spans = json_members.spans(text, spans['data'][0])
    return tuple(map(spans.get, names))


def _part(text: str, span: Optional[json_members.Span]) -> str:
    return text[slice(*span)] if span else 'null'


def _load(text: Optional[str]) -> dict[str, Any]:
    if text is None:
        raise exceptions.Unreadable('the column is NULL')
    _checked(text, 'the connection_info')
    try:
        whole = json.loads(text)
    except ValueError:
        raise exceptions.Unreadable(
            'the connection_info is not valid JSON') from None
    if not isinstance(whole, dict) or not whole:
        raise exceptions.Unreadable(
            'the connection_info is empty, or not a JSON object')
    return whole


def _image(data: Mapping[str, Any]) -> str:
    name = data.get('name')
    if not isinstance(name, str) or '/' not in name:
        raise exceptions.Unreadable(
            'the connection_info names no pool and image')
    return _checked(name, 'name')


def _auth(data: Mapping[str, Any], key: str) -> Optional[str]:
    return _word(data, key) if data.get('auth_enabled') else None


def _word(data: Mapping[str, Any], key: str) -> Optional[str]:
    value = data.get(key) or None
    if value is None:
        return None
    if isinstance(value, str):
        return _checked(value, key)
    raise exceptions.Unreadable(f'{key} is not a string')


def _checked(word: str, key: str) -> str:
    # A search in ASCII is much faster, and almost all is ASCII.
    if '\0' in word if word.isascii() else _NO_TEXT.search(word):
        raise exceptions.Unreadable(f'{key} has characters that are not text')
    return word
