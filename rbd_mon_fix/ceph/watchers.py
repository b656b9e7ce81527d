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

"""The images of a cluster, and the clients that have each of them open.

``rbd status`` opens an image read-only, which leaves no watcher behind
(src/librbd/image/OpenRequest.cc, ``send_register_watch``).
"""

from __future__ import annotations

import functools
from typing import Iterator, Sequence, Union

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.ceph import parallel
from rbd_mon_fix.model.census import Image
from rbd_mon_fix.model.census import Watcher

_JSON = '--format=json'
_POOLS = 'ceph osd pool ls detail'


def pools(admin: commands.Administrator) -> tuple[str, ...]:
    """Return the pools of a cluster that may have RBD images.

    :raises Unreachable: the cluster does not answer
    """
    found = admin.ask('ceph', 'osd', 'pool', 'ls', 'detail', _JSON)
    return parse_pools(found)


def parse_pools(found: object) -> tuple[str, ...]:
    """Return the pools for RBD in the output of ``ceph osd pool ls detail``.

    A pool without any application may have images as well.

    :raises Unreachable: the output has another form
    """
    names = []
    for each in _list(found, _POOLS):
        if not isinstance(each, dict) or not isinstance(
                each.get('application_metadata'), dict):
            raise commands.unusable(_POOLS, 'a pool has no application')
        applications = each['application_metadata']
        if not applications or 'rbd' in applications:
            names.append(commands.name(each.get('pool_name'), _POOLS))
    return tuple(names)


def images(admin: commands.Administrator, names: Sequence[str]
           ) -> tuple[Image, ...]:
    """Return the images in some pools, in all namespaces.

    :raises ConfigError: a pool does not exist
    :raises Unreachable: the cluster does not answer
    """
    namespaces = admin.run(
        [('rbd', 'namespace', 'ls', f'--pool={pool}', _JSON)
         for pool in names], functools.partial(_namespaces, admin))
    spaces = [(pool, space) for pool, found in zip(names, namespaces)
              for space in ('', *found)]
    listed = admin.run([('rbd', 'ls', *_place(*space), _JSON)
                        for space in spaces], admin.output)
    return tuple(image for space, text in zip(spaces, listed)
                 for image in parse_images(
                     commands.parse(text, 'rbd ls'), *space))


def _namespaces(admin: commands.Administrator, words: parallel.Words,
                answer: parallel.Answer) -> tuple[str, ...]:
    if answer.is_absent:
        pool = words[3].partition('=')[2]
        raise exceptions.ConfigError(
            f'Cluster {admin.cluster} has no pool {pool}, which the config '
            'names.', 'Correct the pool in cinder.conf, nova.conf or [ceph], '
            'or create it.')
    return parse_namespaces(commands.parse(
        admin.output(words, answer), 'rbd namespace ls'))


def parse_namespaces(found: object) -> tuple[str, ...]:
    """Return the namespaces in the output of ``rbd namespace ls``.

    :raises Unreachable: the output has another form
    """
    what = 'rbd namespace ls'
    return tuple(commands.name(each.get('name') if isinstance(each, dict)
                               else None, what)
                 for each in _list(found, what))


def parse_images(found: object, pool: str, space: str) -> tuple[Image, ...]:
    """Return the images in the output of ``rbd ls``.

    :raises Unreachable: the output has another form
    """
    return tuple(Image(pool, space, commands.name(each, 'rbd ls'))
                 for each in _list(found, 'rbd ls'))


def of_images(admin: commands.Administrator, asked: Sequence[Image]
              ) -> tuple[frozenset[Watcher], dict[Image, str]]:
    """Return the watchers of images, and why those of others are unknown.

    An image that was deleted meanwhile has no watchers.

    :raises Unreachable: the user lacks the permission, or a command does not
        end in time
    """
    def read(words: parallel.Words, answer: parallel.Answer
             ) -> Union[str, exceptions.Unreachable]:
        if answer.is_absent:
            return '{"watchers":[]}'
        if answer.code and not answer.is_refused:
            return exceptions.Unreachable(answer.told)
        return admin.output(words, answer)

    found: set[Watcher] = set()
    unread: dict[Image, str] = {}
    for image, answer in zip(asked, admin.run(
            [('rbd', 'status', *_place(image.pool, image.namespace),
              f'--image={image.name}', _JSON) for image in asked], read)):
        if isinstance(answer, str):
            found.update(parse(commands.parse(answer, 'rbd status'), image))
        else:
            unread[image] = answer.message
    return frozenset(found), unread


def parse(found: object, image: Image) -> frozenset[Watcher]:
    """Return the watchers in the output of ``rbd status``.

    :raises Unreachable: the output has another form
    """
    what = 'rbd status'
    if not isinstance(found, dict):
        raise commands.unusable(what, 'it is not an object')
    watchers = []
    for each in _list(found.get('watchers'), what):
        client, address = ((each.get('client'), each.get('address'))
                           if isinstance(each, dict) else (None, None))
        if (isinstance(client, bool) or not isinstance(client, int)
                or not isinstance(address, str)):
            raise commands.unusable(what, 'a watcher has no client')
        watchers.append(Watcher(image, client, address))
    return frozenset(watchers)


def _list(found: object, what: str) -> Iterator[object]:
    if not isinstance(found, list):
        raise commands.unusable(what, 'it is not a list')
    return iter(found)


def _place(pool: str, space: str) -> tuple[str, ...]:
    return (f'--pool={pool}', *((f'--namespace={space}',) if space else ()))
