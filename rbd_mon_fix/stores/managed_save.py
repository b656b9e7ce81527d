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

"""The XML inside libvirt's managed-save images.

If a domain has a managed-save image, libvirt starts the domain from the image
and the XML in it, not from the persistent XML (src/qemu/qemu_driver.c,
``qemuDomainObjStart``). Nova suspends servers into these images.
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
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record


class ManagedSaveStore:
    """The managed-save images of one host's domains, found by UUID."""

    name = 'managed-save'
    guards_busy = False

    def __init__(self, hypervisor: libvirt.Hypervisor):
        self._hypervisor = hypervisor

    def scan(self, scope: Scope) -> list[Record]:
        """Read the images of the servers in the scope.

        :raises Unreachable: libvirt cannot be reached, or was lost
        """
        saved = sorted(self._hypervisor.saved() & set(scope.instances))

        def read(uuid: str) -> Optional[Record]:
            try:
                return self.get(Locator(self.name, scope.host, uuid, uuid))
            except exceptions.Gone:
                return None

        records = self._hypervisor.concurrently(read, saved)
        return [record for record in records if record is not None]

    def get(self, locator: Locator) -> Record:
        """Read one image again; a damaged image yields an unreadable record.

        :raises Gone: the image or its domain does not exist
        :raises Unreachable: libvirt was lost
        """
        try:
            document = domain_xml.DomainXML.parse(
                self._hypervisor.managed_save_xml(locator.key))
        except (exceptions.Unreadable, libvirt.Declined) as error:
            return Record(locator, None, unreadable=error.message)
        return Record(locator, document)

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Rewrite images whose XML has not changed since it was read.

        Libvirt checks that the XML fits before writing, so an image that it
        refuses to rewrite stays unchanged.

        :raises Unreachable: libvirt was lost, and it is unknown what was
            written
        """
        return self._hypervisor.concurrently(self._put, changes)

    def _put(self, change: Change) -> Outcome:
        locator = change.locator
        try:
            self._check(change)
            self._hypervisor.define_managed_save(locator.key,
                                                 change.document.text)
        except (exceptions.Conflict, exceptions.Gone) as error:
            return Outcome(locator, Verdict.CONFLICT, error.message)
        except libvirt.Declined as error:
            return Outcome(locator, Verdict.FAILED, error.message)
        try:
            text = self._hypervisor.managed_save_xml(locator.key)
        except (exceptions.Gone, libvirt.Declined) as error:
            return Outcome(locator, Verdict.UNVERIFIED, error.message)
        if text != change.document.text:
            return Outcome(locator, Verdict.UNVERIFIED,
                           'The XML in the image differs from the XML that '
                           'was written.')
        return Outcome(locator, Verdict.FIXED)

    def _check(self, change: Change) -> None:
        document = change.record.document
        text = self._hypervisor.managed_save_xml(change.locator.key)
        if document is None or text != document.text:
            raise exceptions.Conflict(
                'The managed-save image has changed since it was read.')
