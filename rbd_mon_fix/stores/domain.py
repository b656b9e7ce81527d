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

import dataclasses
from typing import Callable, Iterator, Optional, Sequence, TypeVar, Union

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

R = TypeVar('R')


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
        readings = [_Reading(domain, scope.documents.get(domain.uuid))
                    for domain in self._hypervisor.domains()
                    if domain.uuid in scope.instances]
        self._read(readings)
        return [each.record(Locator(self.name, scope.host, each.domain.uuid,
                                    each.domain.uuid))
                for each in readings if not each.gone]

    def get(self, locator: Locator) -> Record:
        """Read one domain again.

        :raises Gone: the domain does not exist
        :raises Unreachable: libvirt was lost
        """
        uuid = locator.key
        reading = _Reading(libvirt.Domain(
            uuid, '', self._hypervisor.persistent(uuid),
            self._hypervisor.active(uuid), False, False))
        self._read([reading])
        if reading.gone:
            raise exceptions.Gone('The domain was undefined.')
        return reading.record(locator)

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Redefine domains whose XML has not changed since it was read.

        :raises Unreachable: libvirt was lost, and it is unknown what was
            written
        """
        return defining.put(self._hypervisor, changes)

    def _read(self, readings: Sequence[_Reading]) -> None:
        """Read persistent XML, then live XML, and look for block jobs.

        Threads only wait for libvirt: parsing is Python's own work, and
        Python runs one thread at a time.
        """
        for each, text in self._answers(
                [each for each in readings if each.document is None],
                lambda each: self._hypervisor.inactive_xml(each.domain.uuid)):
            each.document = each.parsed(text)
        for each, text in self._answers(
                [each for each in readings if each.has_live_xml],
                lambda each: self._hypervisor.live_xml(each.domain.uuid)):
            each.live = each.parsed(text)
        for each, job in self._answers(
                [each for each in readings if each.live],
                lambda each: each.has_block_job(self._hypervisor)):
            each.job = job

    def _answers(self, readings: Sequence[_Reading],
                 ask: Callable[[_Reading], R]
                 ) -> Iterator[tuple[_Reading, R]]:
        """Ask libvirt about domains; yield those that it tells about."""
        known = {each.domain.uuid: each for each in readings}

        def answer(uuid: str) -> Union[R, exceptions.RbdMonFixError]:
            try:
                return ask(known[uuid])
            except (exceptions.Gone, libvirt.Declined) as error:
                return error

        answers = self._hypervisor.domain_by_domain(
            answer, list(known), {uuid for uuid, each in known.items()
                                  if each.domain.active})
        for each, found in zip(readings, answers):
            if isinstance(found, exceptions.RbdMonFixError):
                each.error = found
            else:
                yield each, found


@dataclasses.dataclass
class _Reading:
    """What was read of a domain so far.

    :param job: whether a block job runs
    :param error: why no more was read
    """

    domain: libvirt.Domain
    document: Optional[Document] = None
    live: Optional[domain_xml.DomainXML] = None
    job: bool = False
    error: Optional[exceptions.RbdMonFixError] = None

    @property
    def gone(self) -> bool:
        """Return whether the domain was undefined meanwhile."""
        return isinstance(self.error, exceptions.Gone)

    @property
    def has_live_xml(self) -> bool:
        """Return whether there is live XML that may tell more."""
        return bool(self.domain.active and self.domain.persistent
                    and self.document and self.document.disks)

    def has_block_job(self, hypervisor: libvirt.Hypervisor) -> bool:
        """Return whether the live XML and libvirt tell of a block job."""
        return bool(self.live and defining.has_block_job(hypervisor,
                                                         self.live))

    def parsed(self, text: str) -> Optional[domain_xml.DomainXML]:
        """Parse XML of the domain, or keep the error."""
        try:
            return domain_xml.DomainXML.parse(text)
        except exceptions.Unreadable as error:
            self.error = error
            return None

    def record(self, locator: Locator) -> Record:
        """Return the record of a domain that is not gone."""
        if self.error is not None:
            return Record(locator, None, unreadable=self.error.message)
        skip = (SkipReason.TRANSIENT if not self.domain.persistent
                else SkipReason.BLOCK_JOB if self.job else None)
        return Record(locator, self.document, skip=skip, live=self.live)
