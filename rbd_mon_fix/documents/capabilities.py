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

"""The user of QEMU processes in libvirt's capabilities."""

from __future__ import annotations

import re
from typing import Optional

from rbd_mon_fix.documents import xml_tree

_LABEL = re.compile(r'\+([0-9]+):\+([0-9]+)')


def qemu_ids(xml: str) -> Optional[tuple[int, int]]:
    """Return the user and group ID with which libvirt starts QEMU.

    They are the base label of the security model ``dac``
    (``virQEMUDriverCreateCapabilities`` in libvirt's src/qemu/qemu_conf.c).

    :returns: None if libvirt starts QEMU with its own user
    :raises Unreadable: the text is not well-formed XML
    """
    root = xml_tree.parse(xml_tree.encoded(xml))
    for host in root.all('host'):
        for model in host.all('secmodel'):
            if model.word('model') != 'dac':
                continue
            for label in model.all('baselabel'):
                found = _LABEL.fullmatch(label.text.strip())
                if found:
                    return int(found[1]), int(found[2])
    return None
