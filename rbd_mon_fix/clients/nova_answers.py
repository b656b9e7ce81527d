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

"""The answers of Nova's API, checked: a proxy may answer for Nova."""

from __future__ import annotations

from typing import Mapping, Optional, TypedDict, cast

from rbd_mon_fix import exceptions

# A server in a response. A server in a cell that is down lacks most keys;
# locked_reason exists from microversion 2.73 on.
Server = TypedDict('Server', {
    'id': str, 'name': Optional[str],
    'OS-EXT-SRV-ATTR:host': Optional[str],
    'OS-EXT-STS:vm_state': str, 'OS-EXT-STS:task_state': Optional[str],
    'locked': bool, 'locked_reason': Optional[str]}, total=False)

_NOTHING = type(None)
_TYPES: Mapping[str, tuple[type, ...]] = {
    'id': (str,), 'name': (str, _NOTHING),
    'OS-EXT-SRV-ATTR:host': (str, _NOTHING),
    'OS-EXT-STS:vm_state': (str,), 'OS-EXT-STS:task_state': (str, _NOTHING),
    'locked': (bool,), 'locked_reason': (str, _NOTHING)}
# The keys that accompany a key.
_TOGETHER = {'OS-EXT-STS:vm_state': ('name', 'OS-EXT-STS:task_state'),
             'locked_reason': ('locked',)}


def server(answer: object) -> Server:
    """Return a server of an answer.

    :raises ConfigError: the answer is not one of Nova's
    """
    found = _object(answer, {'id': _TYPES['id']})
    for key, others in _TOGETHER.items():
        if key in found:
            _object(found, {each: _TYPES[each] for each in others})
    return cast(Server, _object(found, {
        key: types for key, types in _TYPES.items() if key in found}))


def servers(page: Mapping[str, object]) -> list[Server]:
    """Return the servers of a page of a list.

    :raises ConfigError: the answer is not one of Nova's
    """
    return list(map(server, _list(page['servers'])))


def has_next(page: Mapping[str, object]) -> bool:
    """Return whether a list goes on after a page.

    :raises ConfigError: the answer is not one of Nova's
    """
    return any(_object(link, {'rel': (str,)})['rel'] == 'next'
               for link in _list(page.get('servers_links', [])))


def services(answer: Mapping[str, object]) -> list[Mapping[str, str]]:
    """Return the host and the status of each service of an answer.

    :raises ConfigError: the answer is not one of Nova's
    """
    return [cast('Mapping[str, str]', _object(
        each, {'host': (str,), 'status': (str,)}))
        for each in _list(answer['services'])]


def no_nova() -> exceptions.ConfigError:
    """Return the error for an endpoint that is not Nova's."""
    return exceptions.ConfigError(
        "The compute endpoint does not respond like Nova's API.",
        "Check the endpoint in Keystone's catalog, or endpoint_override in "
        'group [nova]; the URL must end in /v2.1.')


def _object(value: object, types: Mapping[str, tuple[type, ...]]
            ) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(
            key in value and isinstance(value[key], kinds)
            and _is_text(value[key]) for key, kinds in types.items()):
        raise no_nova()
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise no_nova()
    return value


def _is_text(value: object) -> bool:
    """Return whether a text, if it is one, has no lone surrogates."""
    return not isinstance(value, str) or not any(
        '\ud800' <= each <= '\udfff' for each in value)
