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

"""The RBD images on the command line of a QEMU process.

Since 6.0, libvirt writes each image as the JSON of ``-blockdev``. Older
versions, or those with QEMU older than 4.2, write ``-drive file=rbd:...``
with the cephx key, which is never stored here.

Any local user can start a process that looks like QEMU: images that cannot be
understood, or could not be printed, are left out.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any, Iterator, Mapping, Optional, Sequence
import uuid as uuid_module

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import option_syntax

LOG = logging.getLogger(__name__)

_PROGRAM = re.compile(r'qemu-system-.+|qemu-kvm|kvm')
_MON_PREFIX = re.compile(r'(?:v1|v2|any):(?=[\[\d])')
_INDEX = re.compile('[0-9]{1,9}')

# More than any guest has. Each monitor name may require a DNS lookup.
_MAX_IMAGES = 1000
_MAX_MONITORS = 64
_MAX_NAME = 4096
_MAX_HOST = 255


def is_qemu(argv: Sequence[str]) -> bool:
    """Return whether a command line is that of QEMU running a guest."""
    return bool(argv) and bool(
        _PROGRAM.fullmatch(os.path.basename(argv[0])))


def instance(argv: Sequence[str]) -> Optional[str]:
    """Return the guest's UUID, else its name if it can be printed."""
    for word in _values(argv, 'uuid'):
        try:
            return str(uuid_module.UUID(word))
        except ValueError:
            continue
    for word in _values(argv, 'name'):
        return _name(word)
    return None


def _name(word: str) -> Optional[str]:
    if len(word) > _MAX_NAME:
        return None
    name = option_syntax.options(word, 'guest').get('guest')
    return name if name and name.isprintable() else None


def disks(argv: Sequence[str]) -> tuple[RbdDisk, ...]:
    """Return the RBD images, each with its monitors at launch.

    Malformed options are left out. The command line has no secret UUIDs.
    """
    found: list[RbdDisk] = []
    malformed: list[str] = []
    for option, implied in (('blockdev', 'driver'), ('drive', '')):
        for word in _values(argv, option):
            try:
                found += _images(option_syntax.tree(word, implied))
            except option_syntax.Malformed as error:
                malformed.append(f'-{option}: {error}')
    if malformed:
        LOG.debug('Leaving out malformed options of guest %s: %s in all; the '
                  'first is %s.', instance(argv), len(malformed), malformed[0])
    return tuple(found[:_MAX_IMAGES])


def _values(argv: Sequence[str], option: str) -> list[str]:
    """Return the values of an option; QEMU accepts one dash or two."""
    return [argument for word, argument in zip(argv, argv[1:])
            if word in (f'-{option}', f'--{option}')]


def _images(tree: Any, key: Any = '', depth: int = 0) -> Iterator[RbdDisk]:
    """Yield the images in an option, including those below other drivers.

    :param key: QEMU's name of the drive; '' if not known yet
    :raises Malformed: the option is nested too deeply, or an image has an
        invalid name
    """
    if not isinstance(tree, dict):
        return
    if depth > option_syntax.MAX_DEPTH:
        raise option_syntax.Malformed('nested too deeply')
    key = tree.get('node-name') or tree.get('id') or key
    if tree.get('driver') == 'rbd' and 'pool' in tree and 'image' in tree:
        yield _image(tree, key)
        return
    names = ('file',) if 'driver' in tree else ('file', 'filename')
    for name, value in tree.items():
        if name in names and isinstance(value, str):
            yield from _file(value, key, depth + 1)
        else:
            yield from _images(value, key, depth + 1)


def _file(name: str, key: Any, depth: int) -> Iterator[RbdDisk]:
    if name.startswith('json:'):
        yield from _images(
            option_syntax.from_json(name[len('json:'):]), key, depth)
    elif name.startswith('rbd:'):
        yield from _legacy(name[len('rbd:'):], key)


def _image(tree: Mapping[str, Any], key: Any) -> RbdDisk:
    servers = tree.get('server')
    if isinstance(servers, dict):
        servers = [servers[number] for number in sorted(servers, key=_rank)]
    elif not isinstance(servers, list):
        servers = []
    parts = [tree[part] for part in ('pool', 'namespace', 'image')
             if tree.get(part)]
    return _disk(key, '/'.join(map(_printable, parts)), tree.get('user'), [
        _addr(server.get('host'), server.get('port'))
        for server in servers[:_MAX_MONITORS + 1]
        if isinstance(server, dict)])


def _disk(key: Any, image: str, user: Any,
          monitors: Sequence[Optional[MonAddr]]) -> RbdDisk:
    if len(monitors) > _MAX_MONITORS:
        raise option_syntax.Malformed('an image has too many monitors')
    return RbdDisk(
        key=_printable(key), image=_printable(image),
        user=None if user is None else _printable(user), secret_uuid=None,
        monitors=tuple(filter(None, monitors)), verbatim='')


def _printable(word: Any) -> str:
    """Return a name if it is printable text of moderate length.

    :raises Malformed: the name is too long or not printable text
    """
    if (not isinstance(word, str) or len(word) > _MAX_NAME
            or not word.isprintable()):
        raise option_syntax.Malformed('a name is not printable text')
    return word


def _rank(number: str) -> int:
    return int(number) if _INDEX.fullmatch(number) else 0


def _legacy(name: str, key: Any) -> Iterator[RbdDisk]:
    """Read ``pool/image@snap:id=..:key=..:mon_host=..``.

    As in QEMU's block/rbd.c, ``qemu_rbd_parse_filename``: a backslash
    escapes the next character.
    """
    head, *pairs = option_syntax.split(name, ':')
    pool, *image = option_syntax.split(head, '/')
    if not image:
        return
    path = '/'.join([pool, *image])
    options = dict(option_syntax.unescaped(pair).partition('=')[::2]
                   for pair in pairs)
    yield _disk(
        key, option_syntax.unescaped(option_syntax.split(path, '@')[0]),
        options.get('id'), _mon_host(options.get('mon_host', '')))


def _mon_host(value: str) -> list[Optional[MonAddr]]:
    """Read ``mon_host`` as libvirt writes it, or as a plain list."""
    words = re.split(r'[;,\s]+', value, maxsplit=_MAX_MONITORS + 1)
    return [_addr(_MON_PREFIX.sub('', word).partition('/')[0])
            for word in words if word]


def _addr(host: Any, port: Any = '') -> Optional[MonAddr]:
    """Return an address; None if invalid. Port 0 means no port."""
    if not isinstance(host, str) or len(host) > _MAX_HOST:
        return None
    if not (port is None or isinstance(port, str)):
        return None
    try:
        if port == '':
            return MonAddr.parse(host)
        return MonAddr.of(host, None if port == '0' else port)
    except ValueError:
        return None
