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

"""The XML of a libvirt domain (docs/formatdomain.rst of libvirt)."""

from __future__ import annotations

import dataclasses
import re
from typing import Mapping

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import host_elements
from rbd_mon_fix.documents import rbd_source
from rbd_mon_fix.documents import xml_tree
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import UnreadableDisk
from rbd_mon_fix.model.monmap import MonAddr

_NOVA = 'http://openstack.org/xmlns/libvirt/nova/'
_BETWEEN_TAGS = re.compile(r'>\s+<')
_QUOTE = re.compile('[\'"]')
# The attribute that identifies a source; it depends on the disk's type.
_SOURCES = ('name', 'file', 'dev', 'volume', 'dir')


@dataclasses.dataclass(frozen=True)
class DomainXML:
    """The XML of one domain, live or persistent; see ``parse``.

    :param unreadable: RBD disks whose addresses cannot be corrected; the
        other disks are not affected
    :param name: libvirt's name of the domain
    :param nova: whether the domain has Nova's metadata
        (nova/virt/libvirt/config.py, ``LibvirtConfigGuestMetaNovaInstance``)
    :param nova_name: the server's name in that metadata, or ''
    :param chained: targets of the disks that have a backing image
    :param mirror: whether a disk is being copied, or committed into its
        backing image
    :param attached: the devices that users attach and detach: disks by target
        and source, interfaces by MAC address; live and persistent XML give
        them the same names
    """

    text: str = dataclasses.field(repr=False)
    disks: tuple[RbdDisk, ...]
    unreadable: tuple[UnreadableDisk, ...]
    uuid: str
    name: str
    nova: bool
    nova_name: str
    chained: tuple[str, ...]
    mirror: bool
    attached: frozenset[str]
    places: Mapping[str, rbd_source.Place] = dataclasses.field(repr=False)

    @classmethod
    def parse(cls, text: str) -> DomainXML:
        """Read the XML of a domain.

        :raises Unreadable: the text is not well-formed XML of a domain, or
            two disks have the same key
        """
        content = xml_tree.encoded(text)
        root = xml_tree.parse(content)
        if root.name != 'domain':
            raise exceptions.Unreadable('the XML does not describe a domain')
        disks = _devices(root, 'disk')
        owners = rbd_source.owners(root)
        nova = [element for metadata in root.all('metadata')
                for element in metadata.children
                if element.name.startswith(_NOVA)]
        readable, unreadable, places = _rbd_disks(owners, content)
        return cls(
            text=text, disks=tuple(readable), unreadable=tuple(unreadable),
            uuid=root.word('uuid'), name=root.word('name'), nova=bool(nova),
            nova_name=_nova_name(nova),
            chained=tuple(rbd_source.target(disk) for disk in disks
                          if any(below.children for below
                                 in disk.all('backingStore'))),
            mirror=any(disk.all('mirror') for disk in disks),
            attached=frozenset((
                *map(_attached_disk, disks),
                *map(_mac, _devices(root, 'interface')))),
            places=places)

    def spell(self, disk: RbdDisk, monitors: tuple[MonAddr, ...]) -> str:
        """Return the hosts for other monitors, in the document's own style.

        IPv6 addresses have no brackets: QEMU adds them (block/rbd.c,
        ``qemu_rbd_mon_host``), and librados rejects a second pair.
        """
        quote = _QUOTE.search(disk.verbatim)
        assert quote is not None
        return self.places[disk.key].gap.join(
            host_elements.spell(monitor, quote.group())
            for monitor in monitors)

    def edited(self, verbatims: Mapping[str, str]) -> DomainXML:
        """Return a copy with the hosts of some disks replaced.

        :raises KeyError: the domain has no such disk
        :raises Unreadable: the new text does not consist of hosts
        """
        edited = self
        for key, hosts in verbatims.items():
            edited = edited._with_hosts(key, hosts)
        return edited

    def _with_hosts(self, key: str, hosts: str) -> DomainXML:
        """Replace the hosts of one disk without reparsing the other disks."""
        old, content = self.places[key], self.text.encode()
        words = xml_tree.encoded(hosts)
        content = content[:old.start] + words + content[old.end:]
        new = rbd_source.Place.of(content, old.start, old.start + len(words))
        places = {other: place.moved(new.end - old.end)
                  if place.start > old.start else place
                  for other, place in self.places.items()}
        return dataclasses.replace(
            self, text=content.decode(),
            disks=tuple(rbd_source.reworded(disk, hosts)
                        if disk.key == key else disk for disk in self.disks),
            places={**places, key: new})


def _devices(root: xml_tree.Element, kind: str) -> list[xml_tree.Element]:
    return [device for devices in root.all('devices')
            for device in devices.all(kind)]


def _attached_disk(disk: xml_tree.Element) -> str:
    words = [source.attributes[name] for source in disk.all('source')
             for name in _SOURCES if name in source.attributes]
    return ' '.join((rbd_source.target(disk), *words))


def _mac(interface: xml_tree.Element) -> str:
    return next((mac.attributes.get('address', '')
                 for mac in interface.all('mac')), '')


def _rbd_disks(
        owners: list[xml_tree.Element], content: bytes
) -> tuple[list[RbdDisk], list[UnreadableDisk], dict[str, rbd_source.Place]]:
    readable: list[RbdDisk] = []
    unreadable: list[UnreadableDisk] = []
    places: dict[str, rbd_source.Place] = {}
    seen: set[str] = set()
    for source in [
            each for owner in owners for each in rbd_source.find(owner)]:
        if source.key in seen:
            raise exceptions.Unreadable(
                f'the domain has more than one disk {source.key}')
        seen.add(source.key)
        try:
            place = rbd_source.locate(source, content)
            readable.append(rbd_source.read(source, place, content))
        except host_elements.Unfit as error:
            unreadable.append(
                UnreadableDisk(source.key, source.image, str(error)))
        else:
            places[source.key] = place
    return readable, unreadable, places


def _nova_name(instances: list[xml_tree.Element]) -> str:
    return next((child.text.strip() for instance in instances
                 for child in instance.children
                 if child.name.startswith(_NOVA)
                 and child.name.endswith('}name')), '')


def differs(one: str, other: str) -> bool:
    """Return whether two texts differ in more than their layout.

    A define lays out ``<metadata>`` again (libvirt's src/util/virxml.c,
    ``virXMLFormatMetadata``). The XML of a domain that was migrated here keeps
    the layout that it had on the way, deeper by two spaces in libvirt 9.0.
    """
    return one != other and (
        _BETWEEN_TAGS.sub('><', one) != _BETWEEN_TAGS.sub('><', other))
