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

"""The RBD sources of a libvirt disk or NVRAM, and their monitors."""

from __future__ import annotations

import dataclasses
import re
from typing import Iterator, Optional
import uuid as uuid_module

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import host_elements
from rbd_mon_fix.documents import xml_tree
from rbd_mon_fix.model import secret
from rbd_mon_fix.model.disk import RbdDisk

NVRAM = 'nvram'
_GAP = re.compile(rb'(?<=>)\s*(?=<host)')


@dataclasses.dataclass(frozen=True)
class Place:
    """The byte span of a disk's hosts, and the whitespace between them."""

    start: int
    end: int
    gap: str

    @classmethod
    def of(cls, content: bytes, start: int, end: int) -> Place:
        """Return the place of the hosts in a part of the text.

        For a single host, the gap is the whitespace before the host.
        """
        within = _GAP.search(content, start + 1, end)
        gap = within.group() if within else _blanks(content, start)
        return cls(start, end, gap.decode())

    def moved(self, by: int) -> Place:
        """Return the place shifted by a number of bytes."""
        return Place(self.start + by, self.end + by, self.gap)


@dataclasses.dataclass(frozen=True)
class RbdSource:
    """An RBD ``source``, with auth and volume id from the elements around."""

    key: str
    element: xml_tree.Element
    auth: Optional[xml_tree.Element]
    volume_id: Optional[str]

    @property
    def image(self) -> str:
        """Return ``pool/image``, or '' if the source has no name."""
        return self.element.attributes.get('name', '')


def _blanks(content: bytes, end: int) -> bytes:
    """Return the whitespace that ends at a position."""
    start = end
    while content[start - 1:start].isspace():
        start -= 1
    return content[start:end]


def owners(domain: xml_tree.Element) -> list[xml_tree.Element]:
    """Return the elements of a domain that may have an RBD source.

    Besides disks, this is the firmware's NVRAM since libvirt 8.5; its loader
    is a local file (docs/formatdomain.rst and schemas/domaincommon.rng).
    """
    return [owner for parent, kind in (('os', NVRAM), ('devices', 'disk'))
            for element in domain.all(parent) for owner in element.all(kind)]


def find(disk: xml_tree.Element) -> Iterator[RbdSource]:
    """Yield the sources of a disk and of its backingStore, mirror and so on.

    Only the disk's own source has the disk's serial. Its auth may be in the
    disk or in the source; the auth of all others is in the source (libvirt's
    src/conf/domain_conf.c, ``virDomainDiskDefParseSourceXML``), and so is
    that of an NVRAM (``virDomainStorageSourceParse``).
    """
    found = [(path, element) for path, element in disk.below()
             if element.name == 'source'
             and element.attributes.get('protocol') == 'rbd']
    if not found:
        return
    name, auths = _name(disk), disk.all('auth')
    volume_id = _uuid(disk.word('serial'))
    for path, element in found:
        own = element.all('auth') or ([] if path else auths)
        yield RbdSource(
            key='/'.join((name, *path)), element=element,
            auth=own[0] if own else None,
            volume_id=None if path else volume_id)


def _name(owner: xml_tree.Element) -> str:
    return NVRAM if owner.name == NVRAM else target(owner)


def target(disk: xml_tree.Element) -> str:
    """Return a disk's target, such as ``vda``.

    :raises Unreadable: the disk has no target
    """
    for element in disk.all('target'):
        if element.attributes.get('dev'):
            return element.attributes['dev']
    raise exceptions.Unreadable('a disk has no target')


def _uuid(text: str) -> Optional[str]:
    """Return a UUID or None; Nova sets the volume id as the disk's serial."""
    try:
        return str(uuid_module.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


def locate(source: RbdSource, content: bytes) -> Place:
    """Find the hosts of a source in the text.

    :raises Unfit: the source has no hosts, or other text is between them
    """
    hosts = source.element.all('host')
    if not hosts:
        raise host_elements.Unfit(
            'the disk names no monitors: ceph.conf decides')
    start = hosts[0].start
    match = host_elements.HOSTS.match(content, start)
    if not match or match.end() <= hosts[-1].start:
        raise host_elements.Unfit('other text is between the monitors')
    return Place.of(content, *match.span())


def read(source: RbdSource, place: Place, content: bytes) -> RbdDisk:
    """Return the disk of a source.

    :raises Unfit: the source names no image, or a host is not a monitor
    """
    if '/' not in source.image:
        raise host_elements.Unfit('the disk names no pool and image')
    auth = source.auth
    uuid, usage = credential(source.auth)
    monitors, ragged = host_elements.monitors(source.element.all('host'))
    return RbdDisk(
        key=source.key, image=source.image,
        user=auth.attributes.get('username') if auth else None,
        secret_uuid=uuid, secret_usage=usage,
        monitors=monitors, ragged=ragged,
        verbatim=content[place.start:place.end].decode(),
        volume_id=source.volume_id,
        own_conf=_own_conf(source.element))


def _own_conf(source: xml_tree.Element) -> Optional[str]:
    """Return the file of the first ``config`` element.

    See libvirt's src/conf/domain_conf.c, ``virDomainDiskSourceNetworkParse``.
    """
    return next((element.attributes.get('file') or None
                 for element in source.all('config')), None)


def credential(auth: Optional[xml_tree.Element]
               ) -> tuple[Optional[str], Optional[str]]:
    """Return the UUID or the usage by which ``auth`` names a secret.

    libvirt accepts either, but not both (src/util/virsecret.c,
    ``virSecretLookupParseSecret``).
    """
    for element in auth.all('secret') if auth else []:
        return (secret.canonical(element.attributes.get('uuid')),
                element.attributes.get('usage'))
    return None, None


def reworded(disk: RbdDisk, hosts: str) -> RbdDisk:
    """Return a disk with other hosts.

    :param hosts: the host elements as text
    :raises Unreadable: the text is not a list of monitors
    """
    if not host_elements.HOSTS.fullmatch(xml_tree.encoded(hosts)):
        raise exceptions.Unreadable(
            f'the new text for {disk.key} is not a list of hosts')
    try:
        monitors, ragged = host_elements.parse(hosts)
    except host_elements.Unfit as error:
        raise exceptions.Unreadable(str(error)) from None
    return dataclasses.replace(disk, monitors=monitors, ragged=ragged,
                               verbatim=hosts)
