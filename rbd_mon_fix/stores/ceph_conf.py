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

"""The compute host's ceph.conf, with which Nova opens its own disks.

nova-compute asks ``ceph mon dump`` with the file that ``[libvirt]
images_rbd_ceph_conf`` names whenever it builds the XML of a disk that it
created itself (nova/storage/rbd_utils.py, ``get_mon_addrs``). The file is one,
but each server with such disks has a record, since each of them depends on it.
It belongs to the operator, so it is never written.
"""

from __future__ import annotations

import dataclasses
from typing import Iterator, Optional, Protocol, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import ceph_conf
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason


class OwnDisksConf(Protocol):
    """The ceph.conf of the disks that Nova creates itself."""

    @property
    def path(self) -> str:
        """Return the path of the file, as Nova names it."""

    def read(self) -> ceph_conf.CephConfText:
        """Read the file for an unnamed disk.

        :raises Gone: the file does not exist
        :raises Unreadable: the file names no monitors
        """


class CephConfStore:
    """The store ``ceph-conf``, read only."""

    name = 'ceph-conf'
    guards_busy = False

    def __init__(self, conf: OwnDisksConf):
        self._conf = conf

    def scan(self, scope: Scope) -> Iterator[Record]:
        """Yield a record for each server with disks of Nova's own.

        The servers' domains tell which servers have such disks.
        """
        found = None
        for record in scope.before or ():
            uuid = record.locator.instance
            instance, image = scope.instances[uuid], _own_image(record)
            # Nova starts no guest that it does not know, nor another host's.
            if not image or not instance.managed or (
                    instance.host != scope.host):
                continue
            locator = Locator(self.name, scope.host, uuid, image)
            try:
                # The file is read once; it may name hosts to look up.
                found = found or self._read(locator)
            except exceptions.Gone:
                return
            yield _of(found, locator)

    def get(self, locator: Locator) -> Record:
        """Read the file again for one server.

        :raises Gone: the file does not exist
        """
        return self._read(locator)

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Write nothing: plans contain no changes to this file."""
        return [Outcome(change.locator, Verdict.FAILED,
                        f'{self._conf.path} is not ours to change.')
                for change in changes]

    def _read(self, locator: Locator) -> Record:
        record = Record(locator, None, skip=SkipReason.CONFIG_FILE,
                        path=self._conf.path)
        try:
            document = self._conf.read()
        except exceptions.Unreadable as error:
            return dataclasses.replace(record, unreadable=error.message)
        return _of(dataclasses.replace(record, document=document), locator)


def _of(record: Record, locator: Locator) -> Record:
    """Return the record of the same file for another server."""
    document = record.document
    assert document is None or isinstance(document, ceph_conf.CephConfText)
    return dataclasses.replace(
        record, locator=locator,
        document=document and document.of(locator.key))


def _own_image(record: Record) -> Optional[str]:
    """Return an image of Nova's own in a domain: its root disk, if it is."""
    uuid = record.locator.instance
    images = [disk.image for disk in (
        record.document.disks if record.document else ())
        if disk.is_own_of(uuid)]
    # Only the root disk has no suffix, so that its name is the shortest.
    return min(images, key=len, default=None)
