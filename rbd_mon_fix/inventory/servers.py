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

"""The servers that the operator names."""

from __future__ import annotations

from typing import Iterator, Sequence
import uuid

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance


def uuids(wanted: Sequence[str], hosts: Sequence[str],
          inventory: instances.Inventory) -> tuple[str, ...]:
    """Return the UUIDs of servers, each once.

    :param wanted: UUIDs, in any spelling, and names of servers
    :param hosts: the hosts on which a name has to be unique
    :raises ConfigError: a name is unknown there, or several servers have it
    """
    names = [each for each in wanted if not _is_uuid(each)]
    found: dict[str, list[Instance]] = {name: [] for name in names}
    for instance in _servers(hosts, inventory) if names else ():
        if instance.name in found:
            found[instance.name].append(instance)
    return tuple(dict.fromkeys(
        _only(each, found[each]) if each in found else str(uuid.UUID(each))
        for each in wanted))


def _servers(hosts: Sequence[str],
             inventory: instances.Inventory) -> Iterator[Instance]:
    for host in hosts:
        for scope in inventory.scopes(host, ()):
            yield from scope.instances.values()


def _only(name: str, named: Sequence[Instance]) -> str:
    if not named:
        raise exceptions.ConfigError(
            f'No server on the selected hosts has the name {name!r}.',
            'Check --instance, or give the UUID of the server.')
    if len(named) > 1:
        raise exceptions.ConfigError(
            f'{len(named)} servers have the name {name!r}.',
            'Give the UUID of one of them: '
            + ', '.join(f'{each.uuid} on {each.host}' for each in named)
            + '.')
    return named[0].uuid


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
