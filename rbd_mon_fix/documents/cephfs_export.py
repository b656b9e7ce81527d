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

"""The export location of a CephFS share."""

from __future__ import annotations

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.monmap import MonAddr


def monitors(location: str) -> tuple[MonAddr, ...]:
    """Read the monitors of an export location.

    Manila's CephFS driver returns ``ADDR[,ADDR...]:PATH``, as mount.ceph
    accepts it (share/drivers/cephfs/driver.py, ``_get_export_locations``).

    :returns: empty if the location names a cluster by its fsid instead
    :raises Unreadable: the text is not an export location of CephFS
    """
    source, colon, _ = location.strip().partition(':/')
    if not colon:
        if '@' in source and '=' in source:
            return ()
        raise exceptions.Unreadable(
            'this is not an export location of CephFS')
    try:
        return tuple(MonAddr.parse(addr) for addr in source.split(','))
    except ValueError as error:
        raise exceptions.Unreadable(
            f'invalid monitor address: {error}') from None
