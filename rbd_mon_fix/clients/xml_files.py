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

"""Replacements of the files in which libvirt keeps persistent XML.

Libvirt replaces the file of a domain while it holds the domain, for every
change by any client (``virDomainDefSave`` in src/conf/domain_conf.c,
``virFileRewrite`` in src/util/virfile.c). The kernel reports it at once;
libvirt sends its own events later, and not for every change.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import os
import struct
import threading
from typing import Iterator, Optional
from urllib import parse

# inotify(7) and sys/inotify.h. The kernel merges equal reports in sequence
# (inotify_merge in fs/notify/inotify/inotify_fsnotify.c): those of the old
# name of each file keep those of its new name apart.
_MOVED_FROM, _MOVED_TO = 0x40, 0x80
_HEADER = struct.Struct('iIII')
_BLOCK = 1 << 16


def folder(uri: str) -> Optional[str]:
    """Return the folder of the XML; None if it is elsewhere or unknown.

    See ``virQEMUDriverConfigNew`` in src/qemu/qemu_conf.c. Another prefix
    than /usr is not known.
    """
    parts = parse.urlsplit(uri)
    if parts.netloc or parts.scheme.partition('+')[0] != 'qemu':
        return None
    if parts.path == '/system':
        return '/etc/libvirt/qemu'
    root = parse.parse_qs(parts.query).get('root')
    if parts.path == '/embed' and root:
        return os.path.join(root[0], 'etc', 'qemu')
    return None


class Replacements:
    """The replacements of the files in a folder.

    Several threads may call the methods. Nothing is counted in a folder that
    cannot be watched, or if the kernel drops reports: libvirt's events have
    to do.

    :param path: the folder; None to count nothing
    """

    def __init__(self, path: Optional[str] = None):
        self._lock = threading.Lock()
        self._counts: collections.Counter[str] = collections.Counter()
        self._descriptor = None if path is None else _watched(path)

    def close(self) -> None:
        """Count nothing more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def begin(self, domain: str) -> None:
        """Forget the replacements of a domain's file so far."""
        with self._lock:
            self._read()
            self._counts.pop(f'{domain}.xml', None)

    def count(self, domain: str) -> int:
        """Return how often a domain's file was replaced since ``begin``."""
        with self._lock:
            self._read()
            return self._counts[f'{domain}.xml']

    def _read(self) -> None:
        if self._descriptor is None:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                self._counts.update(_names(os.read(self._descriptor, _BLOCK)))


def _watched(path: str) -> Optional[int]:
    """Return a descriptor of inotify; None if the folder is not watched."""
    libc = ctypes.CDLL(None)
    descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        return None
    if libc.inotify_add_watch(descriptor, os.fsencode(path),
                              _MOVED_FROM | _MOVED_TO) < 0:
        os.close(descriptor)
        return None
    return descriptor


def _names(events: bytes) -> Iterator[str]:
    """Yield the new name of each file that got another name."""
    while events:
        _, kind, _, length = _HEADER.unpack_from(events)
        end = _HEADER.size + length
        if kind & _MOVED_TO:
            yield os.fsdecode(events[_HEADER.size:end].rstrip(b'\0'))
        events = events[end:]
