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

"""RBD images that the kernel of this machine has mapped.

The files are described in Documentation/ABI/testing/sysfs-bus-rbd of Linux.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Iterator, Optional

FOLDER = '/sys/bus/rbd/devices'


@dataclasses.dataclass(frozen=True)
class KrbdDevice:
    """A mapped image.

    :param fsid: the cluster's fsid; None if the kernel does not expose it
    :param monitors: the list given when the image was mapped, separated by
        commas; '' if the kernel does not expose it
    """

    name: str
    image: str
    fsid: Optional[str]
    monitors: str


def devices(folder: str = FOLDER) -> Iterator[KrbdDevice]:
    """Yield the mapped images; none if the rbd module is not loaded."""
    try:
        entries = sorted(pathlib.Path(folder).iterdir(),
                         key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        # The options after the monitors may contain the cephx key.
        monitors = _word(entry / 'config_info').partition(' ')[0]
        yield KrbdDevice(
            f'rbd{entry.name}', f'{_word(entry / "pool")}/'
            f'{_word(entry / "name")}',
            _word(entry / 'cluster_fsid').lower() or None, monitors)


def _word(path: pathlib.Path) -> str:
    try:
        return path.read_text(errors='replace').strip()
    except OSError:
        return ''
