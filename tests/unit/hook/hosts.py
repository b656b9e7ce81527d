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

"""An installed hook and its knowledge."""

from __future__ import annotations

import pathlib
import subprocess

from rbd_mon_fix.hook import installation
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.monmap import MonAddr

SECRET = 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'


def addresses(*texts: str) -> tuple[MonAddr, ...]:
    return tuple(map(MonAddr.parse, texts))


RIGHT = addresses('10.0.0.21:6789', '10.0.0.22:6789', '10.0.0.23:6789')
OLD = addresses('127.0.0.21:6789', '127.0.0.22:6789', '127.0.0.23:6789',
                'mon-old')
RIGHT_B = addresses('[2001:db8::21]:6789', '[2001:db8::22]:6789')
OLD_B = addresses('[2001:db8::11]:6789', '192.0.2.99:6789')
A = knowledge.Known('a', 'f-a', RIGHT, frozenset(OLD + RIGHT))
B = knowledge.Known('b', 'f-b', RIGHT_B, frozenset(OLD_B + RIGHT_B))
# As version 1 of the format was, with old monitors as the right ones.
VERSION_1 = b"""{"version": 1, "written": "2026-01-02T03:04:05+00:00",
 "clusters": [{"name": "a", "fsid": "f-a", "monitors": ["127.0.0.21:6789"],
 "known": ["127.0.0.21:6789", "192.0.2.7:6789"],
 "disks": [{"pool": "vms", "user": "cinder", "secret_uuid": null}]}]}
"""


def install(folder: pathlib.Path, *known: knowledge.Known
            ) -> installation.Installation:
    (folder / 'libvirt').mkdir()
    hook = installation.Installation(str(folder / 'libvirt/hooks/qemu.d'))
    hook.install()
    hook.teach(lambda before: known, '2026-01-02T03:04:05+00:00')
    return hook


def call(hook: installation.Installation, xml: bytes, *step: str,
         **environ: str) -> bytes:
    """Call the hook as libvirt does, and return what it prints."""
    done = subprocess.run(
        [hook.script, 'guest', *(step or ('restore', 'begin')), '-'],
        input=xml, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environ, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout
