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

"""The persistent XML of libvirt's domains."""

from __future__ import annotations

from typing import Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.record import Document
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.stores import defining


class DomainStore:
    """The store ``domain``: persistent XML, found by the server's UUID.

    The record of a running domain also has the live XML, which shows block
    jobs and devices that are attached during the write.
    """

    name = 'domain'
    guards_busy = False

    def __init__(self, hypervisor: libvirt.Hypervisor):
        self._hypervisor = hypervisor

    def scan(self, scope: Scope) -> list[Record]:
        """Read the domains of the servers in the scope.

        A server without a domain is normal and has no record: Nova
        undefines the domain when a start fails.

        :raises Unreachable: libvirt cannot be reached, or was lost
        """
        domains = {domain.uuid: domain for domain
                   in self._hypervisor.domains()
                   if domain.uuid in scope.instances}

        def read(uuid: str) -> Optional[Record]:
            try:
                return self._record(
                    Locator(self.name, scope.host, uuid, uuid),
                    domains[uuid].persistent, domains[uuid].active,
                    scope.documents.get(uuid))
            except exceptions.Gone:
                return None

        records = self._hypervisor.domain_by_domain(read, list(domains), {
            uuid for uuid, domain in domains.items() if domain.active})
        return [record for record in records if record is not None]

    def get(self, locator: Locator) -> Record:
        """Read one domain again.

        :raises Gone: the domain does not exist
        :raises Unreachable: libvirt was lost
        """
        return self._record(locator,
                            self._hypervisor.persistent(locator.key),
                            self._hypervisor.active(locator.key), None)

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Redefine domains whose XML has not changed since it was read.

        :raises Unreachable: libvirt was lost, and it is unknown what was
            written
        """
        return defining.put(self._hypervisor, changes)

    def _record(self, locator: Locator, persistent: bool, active: bool,
                document: Optional[Document]) -> Record:
        live = None
        try:
            if document is None:
                document = domain_xml.DomainXML.parse(
                    self._hypervisor.inactive_xml(locator.key))
            if active and persistent and document.disks:
                live = domain_xml.DomainXML.parse(
                    self._hypervisor.live_xml(locator.key))
            skip = self._skip(persistent, live)
        except (exceptions.Unreadable, libvirt.Declined) as error:
            return Record(locator, None, unreadable=error.message)
        return Record(locator, document, skip=skip, live=live)

    def _skip(self, persistent: bool, live: Optional[domain_xml.DomainXML]
              ) -> Optional[SkipReason]:
        if not persistent:
            return SkipReason.TRANSIENT
        if live and defining.has_block_job(self._hypervisor, live):
            return SkipReason.BLOCK_JOB
        return None
