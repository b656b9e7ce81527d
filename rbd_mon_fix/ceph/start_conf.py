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

"""The settings of a ceph.conf that do not lead to monitors.

``MonMap::build_initial`` (Ceph's src/mon/MonMap.cc) finds monitors in
``mon_host_override``, the file that ``monmap`` names, ``mon_host``, sections
``[mon.x]`` (``init_with_config_file``) and the DNS, by ``mon_dns_srv_name``.
A client's own section beats ``[client]`` and ``[global]``; sections of the
same name are merged, and the last of equal keys wins (``ConfFile`` in
src/common/ConfUtils.cc, where a run of blanks in a key is an underscore). So a
last section of the client overrules the keys, however they are spelled, but
not the sections ``[mon.x]``.
"""

from __future__ import annotations

from typing import Iterator, Optional

from rbd_mon_fix.ceph import ini
from rbd_mon_fix.ceph import override_block

_DEFAULT_USER = 'admin'

# No DNS has a record below "invalid" (RFC 6761).
_NOWHERE = '''
mon_host =
mon_host_override =
monmap =
mon_dns_srv_name = none_invalid
'''


def without_monitors(text: str, user: Optional[str]) -> str:
    """Return a ceph.conf that leads a client to no monitors.

    More settings of the client may be appended.

    :param user: cephx user without ``client.``; None for ``admin``
    :raises ValueError: the text is malformed
    """
    ini.parse(text)
    name = user or _DEFAULT_USER
    section = f'client.{name}' if override_block.is_safe(name) else 'client'
    return '\n'.join([*_lines(text), f'[{section}]']) + _NOWHERE


def _lines(text: str) -> Iterator[str]:
    """Yield the logical lines outside of sections of monitors."""
    inside = False
    for line in ini.logical_lines(text):
        heading = ini.heading(line)
        if heading is not None:
            inside = heading.startswith('mon.')
        if not inside:
            yield line
