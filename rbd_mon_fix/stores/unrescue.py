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

"""``unrescue.xml`` in the folders of rescued servers.

Nova writes the domain's XML to the file before it starts the rescue image,
and defines and starts that XML to end the rescue
(nova/virt/libvirt/driver.py, ``rescue`` and ``unrescue``).
"""

from __future__ import annotations

import contextlib
from typing import Iterator, Sequence
import uuid as uuid_module

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import folder
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record

FILE = 'unrescue.xml'

# libvirt accepts no longer XML (REMOTE_STRING_MAX of
# src/remote/remote_protocol.x), and every user of the service may write here.
_MAX_XML = 4 << 20


class UnrescueStore:
    """The files ``unrescue.xml`` below Nova's ``instances_path``."""

    name = 'unrescue'
    guards_busy = False

    def __init__(self, instances_path: str):
        self._path = instances_path

    def scan(self, scope: Scope) -> Iterator[Record]:
        """Yield a record for each rescued server in the scope.

        :raises Unreachable: the folder of all servers cannot be read
        """
        for uuid in scope.instances:
            with contextlib.suppress(exceptions.Gone):
                yield self.get(Locator(self.name, scope.host, uuid, uuid))

    def get(self, locator: Locator) -> Record:
        """Read one file again.

        :raises Gone: the file does not exist
        :raises Unreachable: the folder of all servers cannot be read
        """
        try:
            with self._folder(locator.key) as place:
                document = _parse(place.read(FILE, _MAX_XML), locator.key)
        except (exceptions.Unreadable, folder.Inaccessible) as error:
            return Record(locator, None, unreadable=error.message)
        return Record(locator, document)

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Replace the files that have not changed since they were read."""
        return [self._put(change) for change in changes]

    def _put(self, change: Change) -> Outcome:
        locator, document = change.locator, change.record.document
        assert document is not None
        new = change.document.text.encode()
        try:
            with self._folder(locator.key) as place:
                place.replace(FILE, document.text.encode(), new)
                found = place.read(FILE, _MAX_XML)
        except (exceptions.Conflict, exceptions.Gone) as error:
            return Outcome(locator, Verdict.CONFLICT, error.message)
        except folder.Unsure as error:
            return Outcome(locator, Verdict.UNVERIFIED, error.message)
        except folder.Inaccessible as error:
            return Outcome(locator, Verdict.FAILED, error.message)
        if found != new:
            return Outcome(locator, Verdict.UNVERIFIED,
                           'The XML in the file differs from the XML that '
                           'was written.')
        return Outcome(locator, Verdict.FIXED)

    def _folder(self, uuid: str) -> contextlib.AbstractContextManager[
            folder.Folder]:
        """Open a server's folder.

        :raises Inaccessible: the UUID is not valid, so it names no folder
        """
        try:
            name = str(uuid_module.UUID(uuid))
        except ValueError:
            raise folder.Inaccessible(
                'The UUID of the server is not valid.') from None
        return folder.opened(self._path, name)


def _parse(content: bytes, uuid: str) -> domain_xml.DomainXML:
    try:
        document = domain_xml.DomainXML.parse(content.decode())
    except UnicodeDecodeError:
        raise exceptions.Unreadable('it is not valid UTF-8') from None
    if document.uuid != uuid:
        raise exceptions.Unreadable('it is the XML of another server')
    return document
