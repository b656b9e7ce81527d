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

"""The state of the cloud, to debug a failed scenario.

A level of the lab that has more to show appends to ``SIGHTS``. Each look has
a timeout, because the cloud itself may not answer.
"""

from __future__ import annotations

from typing import Callable

from lab import inside
from lab import libvirtd
from lab import services

WITHIN = 20


def seen(lab: inside.Lab) -> str:
    """Return all sights, each under its title."""
    return '\n'.join(f'--- {title}\n{_safe(look, lab)}'
                     for title, look in SIGHTS)


def _safe(look: Callable[[inside.Lab], str], lab: inside.Lab) -> str:
    try:
        return look(lab).rstrip()
    except Exception as error:  # noqa: BLE001
        # Whatever the cloud's clients raise must not hide why a test failed.
        return f'{type(error).__name__}: {error}'


def _services(lab: inside.Lab) -> str:
    running = lab.services.running()
    known = sorted(path.stem for path in lab.services.folder.glob('*.json'))
    return '\n'.join(f'{name} {"runs" if name in running else "ENDED"}'
                     for name in known)


def _ceph(lab: inside.Lab) -> str:
    return services.run('ceph', '--connect-timeout', '10', '--conf',
                        str(lab.cluster.files.conf), '--status', within=WITHIN)


def _guests(lab: inside.Lab) -> str:
    return services.run('virsh', '--connect', libvirtd.URI, 'list', '--all',
                        within=WITHIN)


SIGHTS: list[tuple[str, Callable[[inside.Lab], str]]] = [
    ('services', _services),
    ('ceph --status', _ceph),
    ('virsh list --all', _guests),
]
