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
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Iterator, Mapping, Optional, Sequence
import uuid as uuid_module

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.monmap import MonAddr

_PROGRAM = re.compile(r'qemu-system-.+|qemu-kvm|kvm')
_PAIR = re.compile(r'((?:[^,]|,,)*)(?:,|$)', re.DOTALL)
_MON_PREFIX = re.compile(r'(?:v1|v2|any):(?=[\[\d])')


def is_qemu(argv: Sequence[str]) -> bool:
    """Return whether a command line is that of a QEMU with a guest."""
    return bool(argv) and bool(
        _PROGRAM.fullmatch(os.path.basename(argv[0])))


def instance(argv: Sequence[str]) -> Optional[str]:
    """Return the guest's UUID, else its name, else None."""
    for word in _values(argv, 'uuid'):
        try:
            return str(uuid_module.UUID(word))
        except ValueError:
            continue
    for word in _values(argv, 'name'):
        return _options(word, 'guest').get('guest')
    return None


def disks(argv: Sequence[str]) -> tuple[RbdDisk, ...]:
    """Return the RBD images, each with its monitors at the launch.

    Malformed options are skipped. The command line has no secret UUIDs.
    """
    found: list[RbdDisk] = []
    for option, implied in (('blockdev', 'driver'), ('drive', '')):
        for word in _values(argv, option):
            found += _images(_tree(word, implied))
    return tuple(found)


def _values(argv: Sequence[str], option: str) -> list[str]:
    """Return the values of an option; QEMU accepts one dash or two."""
    return [argument for word, argument in zip(argv, argv[1:])
            if word in (f'-{option}', f'--{option}')]


def _tree(word: str, implied: str) -> Any:
    if word.startswith('{'):
        return _json(word)
    return _nested(_options(word, implied))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _options(word: str, implied: str) -> dict[str, str]:
    """Split ``key=value,key=value``; a doubled comma is a literal one.

    As in QEMU's util/qemu-option.c, ``get_opt_value``.
    """
    options = {}
    for number, pair in enumerate(_PAIR.findall(word)):
        key, equals, value = pair.replace(',,', ',').partition('=')
        if equals:
            options[key] = value
        elif number == 0 and implied:
            options[implied] = key
    return options


def _nested(options: Mapping[str, str]) -> dict[str, Any]:
    """Convert keys such as ``server.0.host`` to a tree, lists to dicts.

    ``file=f`` beside ``file.x=y`` is the name of the file, as in QEMU's
    block.c, ``bdrv_open_inherit``.
    """
    tree: dict[str, Any] = {}
    for key, value in sorted(options.items(), reverse=True):
        *path, last = key.split('.')
        place = tree
        for step in path:
            place = place.setdefault(step, {})
        if last in place:
            place[last]['filename'] = value
        else:
            place[last] = value
    return tree


def _images(tree: Any, key: str = '') -> Iterator[RbdDisk]:
    """Yield the images in an option, also below other drivers.

    :param key: QEMU's name of the drive, '' if not known yet
    """
    if not isinstance(tree, dict):
        return
    key = tree.get('node-name') or tree.get('id') or key
    if tree.get('driver') == 'rbd' and 'pool' in tree and 'image' in tree:
        yield _image(tree, key)
        return
    names = ('file',) if 'driver' in tree else ('file', 'filename')
    for name, value in tree.items():
        if name in names and isinstance(value, str):
            yield from _file(value, key)
        else:
            yield from _images(value, key)


def _file(name: str, key: str) -> Iterator[RbdDisk]:
    if name.startswith('json:'):
        yield from _images(_json(name[len('json:'):]), key)
    elif name.startswith('rbd:'):
        disk = _legacy(name[len('rbd:'):], key)
        if disk is not None:
            yield disk


def _image(tree: Mapping[str, Any], key: str) -> RbdDisk:
    servers = tree.get('server') or []
    if isinstance(servers, dict):
        servers = [servers[number] for number in sorted(servers, key=_rank)]
    monitors = (_addr(server.get('host'), server.get('port'))
                for server in servers if isinstance(server, dict))
    return RbdDisk(
        key=str(key),
        image='/'.join(str(tree[part]) for part in (
            'pool', 'namespace', 'image') if tree.get(part)),
        user=tree.get('user'), secret_uuid=None,
        monitors=tuple(filter(None, monitors)), verbatim='')


def _rank(number: str) -> int:
    return int(number) if number.isdigit() else 0


def _legacy(name: str, key: str) -> Optional[RbdDisk]:
    """Read ``pool/image@snap:id=..:key=..:mon_host=..``.

    As in QEMU's block/rbd.c, ``qemu_rbd_parse_filename``: a backslash
    escapes the next character.
    """
    head, *pairs = _split(name, ':')
    pool, *image = _split(head, '/')
    if not image:
        return None
    path = '/'.join([pool, *image])
    options = dict(_unescaped(pair).partition('=')[::2] for pair in pairs)
    return RbdDisk(
        key=key, image=_unescaped(_split(path, '@')[0]),
        user=options.get('id'), secret_uuid=None,
        monitors=_mon_host(options.get('mon_host', '')), verbatim='')


def _split(text: str, delimiter: str) -> list[str]:
    """Split at a character that is not escaped by a backslash."""
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == '\\':
            position += 1
        elif text[position] == delimiter:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]


def _unescaped(text: str) -> str:
    return re.sub(r'\\(.)', r'\1', text, flags=re.DOTALL)


def _mon_host(value: str) -> tuple[MonAddr, ...]:
    """Read ``mon_host`` as libvirt writes it, or as a plain list."""
    found = (_addr(_MON_PREFIX.sub('', word).partition('/')[0])
             for word in re.split(r'[;,\s]+', value) if word)
    return tuple(filter(None, found))


def _addr(host: Any, port: Any = '') -> Optional[MonAddr]:
    """Return an address, None if it is invalid; port 0 means no port."""
    port = None if str(port) == '0' else port
    try:
        if port == '':
            return MonAddr.parse(str(host))
        return MonAddr.of(host, port)
    except ValueError:
        return None
