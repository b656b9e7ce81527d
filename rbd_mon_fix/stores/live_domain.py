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

"""The live XML of libvirt's running domains, which cannot be changed.

A live migration sends the live XML to the destination, and a suspend writes
it into the image (libvirt's src/qemu/qemu_migration.c and qemu_driver.c,
``qemuDomainSaveInternal``). It is lost when the QEMU process ends.
"""

from __future__ import annotations

from typing import Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Document
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason


class LiveDomainStore:
    """The store ``live-domain``, read only."""

    name = 'live-domain'
    guards_busy = True

    def __init__(self, hypervisor: libvirt.Hypervisor):
        self._hypervisor = hypervisor

    def scan(self, scope: Scope) -> list[Record]:
        """Read the running domains of the servers in the scope.

        Live XML from the records of the store ``domain`` is not read again.

        :raises Unreachable: libvirt cannot be reached, or was lost
        """
        running = sorted(self._hypervisor.running() & set(scope.instances))
        known = {record.locator.key: record.live
                 for record in scope.before or () if record.live}

        def read(uuid: str) -> Optional[Record]:
            locator = Locator(self.name, scope.host, uuid, uuid)
            document = known.get(uuid)
            try:
                return (self._read(locator) if document is None
                        else _record(locator, document))
            except exceptions.Gone:
                return None

        records = self._hypervisor.domain_by_domain(
            read, running, set(running) - set(known))
        return [record for record in records if record is not None]

    def get(self, locator: Locator) -> Record:
        """Read one running domain again.

        For a domain that is not running, libvirt returns the persistent XML.

        :raises Gone: the domain does not exist or is not running
        :raises Unreachable: libvirt was lost
        """
        if not self._hypervisor.active(locator.key):
            raise exceptions.Gone('The domain is not running.')
        return self._read(locator)

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Write nothing: plans contain no changes to read-only records."""
        return [Outcome(change.locator, Verdict.FAILED,
                        'A running domain cannot be changed.')
                for change in changes]

    def _read(self, locator: Locator) -> Record:
        try:
            return _record(locator, domain_xml.DomainXML.parse(
                self._hypervisor.live_xml(locator.key)))
        except (exceptions.Unreadable, libvirt.Declined) as error:
            return Record(locator, None, unreadable=error.message)


def _record(locator: Locator, document: Document) -> Record:
    return Record(locator, document, skip=SkipReason.READ_ONLY)
