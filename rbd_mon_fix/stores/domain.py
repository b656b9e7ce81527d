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
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.stores import defining


class DomainStore:
    """The persistent XML of one host's domains, found by UUID.

    ``live`` is the live XML that it read on the way, by UUID, for whoever
    needs it after a scan.
    """

    name = 'domain'

    def __init__(self, hypervisor: libvirt.Hypervisor):
        self._hypervisor = hypervisor
        self._documents: dict[str, domain_xml.DomainXML] = {}
        self.live: dict[str, domain_xml.DomainXML] = {}

    def scan(self, scope: Scope) -> list[Record]:
        """Read the domains of the servers in the scope.

        A server without a domain is normal and gives no record: Nova
        undefines the domain when a start fails.

        :raises Unreachable: libvirt was not reached, or lost
        """
        self.live.clear()
        domains = [domain for domain in self._hypervisor.domains()
                   if domain.uuid in scope.instances]

        def read(domain: libvirt.Domain) -> Optional[Record]:
            locator = Locator(self.name, scope.host, domain.uuid, domain.uuid)
            try:
                return self._record(locator, domain.persistent, domain.active)
            except exceptions.Gone:
                return None

        records = self._hypervisor.concurrently(read, domains)
        self._documents.clear()
        return [record for record in records if record is not None]

    def others(self, scope: Scope) -> list[Instance]:
        """List the domains that the scope does not know.

        What is read for it serves the next scan, so that no domain taken
        into the scope by then is read twice.

        :raises Unreachable: libvirt was not reached, or lost
        """
        domains = [domain for domain in self._hypervisor.domains()
                   if domain.uuid not in scope.instances]
        marks = self._hypervisor.concurrently(self._mark, domains)
        return [Instance(uuid=domain.uuid, host=scope.host,
                         name=name or domain.name,
                         vm_state=_vm_state(domain), managed=managed)
                for domain, (managed, name) in zip(domains, marks)]

    def get(self, locator: Locator) -> Record:
        """Read one domain again.

        :raises Gone: there is none
        :raises Unreachable: libvirt was lost
        """
        return self._record(locator,
                            self._hypervisor.persistent(locator.key),
                            self._hypervisor.active(locator.key))

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Define domains anew where libvirt still holds what was read.

        :raises Unreachable: libvirt was lost, and with it the knowledge of
            what was written
        """
        return self._hypervisor.concurrently(
            lambda change: defining.put(
                self._hypervisor, change, self.live.get(change.locator.key)),
            changes)

    def _record(self, locator: Locator, persistent: bool,
                active: bool) -> Record:
        uuid = locator.key
        try:
            document = self._documents.get(uuid) or self._read(uuid)
            skip = None
            if not persistent:
                skip = SkipReason.TRANSIENT
            elif active and document.disks and self._has_block_job(uuid):
                skip = SkipReason.BLOCK_JOB
        except (exceptions.Unreadable, libvirt.Declined) as error:
            return Record(locator, None, unreadable=error.message)
        return Record(locator, document, skip=skip)

    def _read(self, uuid: str) -> domain_xml.DomainXML:
        return domain_xml.DomainXML.parse(self._hypervisor.inactive_xml(uuid))

    def _has_block_job(self, uuid: str) -> bool:
        live = domain_xml.DomainXML.parse(self._hypervisor.live_xml(uuid))
        self.live[uuid] = live
        return defining.has_block_job(self._hypervisor, live)

    def _mark(self, domain: libvirt.Domain) -> tuple[bool, str]:
        """Tell whether Nova made a domain, and Nova's name for it.

        A domain that cannot be read counts as Nova's: hands off.
        """
        try:
            document = self._read(domain.uuid)
        except (exceptions.Unreadable, exceptions.Gone, libvirt.Declined):
            return True, ''
        self._documents[domain.uuid] = document
        return document.nova, document.nova_name


def _vm_state(domain: libvirt.Domain) -> str:
    """Translate libvirt's state into Nova's word for it."""
    if domain.paused:
        return 'paused'
    if domain.active:
        return 'active'
    return 'suspended' if domain.saved else 'stopped'
