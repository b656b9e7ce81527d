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

"""libvirt XML that is read, but never written: pools and snapshots."""

from __future__ import annotations

from typing import Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import host_elements
from rbd_mon_fix.documents import mon_addr
from rbd_mon_fix.documents import rbd_source
from rbd_mon_fix.documents import xml_tree
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.monmap import MonAddr


def pool(text: str) -> RbdDisk:
    """Read a storage pool of type rbd as if it were a disk.

    The key is the pool's name in libvirt (docs/formatstorage.rst).

    :raises Unreadable: the text is not XML of a storage pool, or a monitor
        address is invalid
    """
    root = xml_tree.parse(xml_tree.encoded(text))
    source = next(iter(root.all('source')), None)
    if root.name != 'pool' or source is None:
        raise exceptions.Unreadable('the XML does not describe a storage pool')
    auth = next(iter(source.all('auth')), None)
    uuid, usage = rbd_source.credential(auth)
    return RbdDisk(
        key=root.word('name'), image=f'{source.word("name")}/',
        user=auth.attributes.get('username') if auth else None,
        secret_uuid=uuid, secret_usage=usage,
        monitors=tuple(map(_monitor, source.all('host'))), verbatim='')


def disks(text: str) -> list[RbdDisk]:
    """Return the rbd disks of the domains in a snapshot or a checkpoint.

    Both hold the domain at that time. The snapshot of a running domain also
    holds its persistent XML (docs/formatsnapshot.rst).

    :raises Unreadable: the text is not well-formed XML
    """
    content = xml_tree.encoded(text)
    root = xml_tree.parse(content)
    domains = root.all('domain') + root.all('inactiveDomain')
    return [found for domain in domains
            for owner in rbd_source.owners(domain)
            for source in rbd_source.find(owner)
            if (found := _disk(source, content)) is not None]


def _disk(source: rbd_source.RbdSource, content: bytes) -> Optional[RbdDisk]:
    """Return a disk; None if its monitors cannot be read."""
    try:
        place = rbd_source.locate(source, content)
        return rbd_source.read(source, place, content)
    except host_elements.Unfit:
        return None


def _monitor(host: xml_tree.Element) -> MonAddr:
    try:
        return mon_addr.read(host.attributes.get('name'),
                             host.attributes.get('port'))
    except ValueError as error:
        raise exceptions.Unreadable(
            f'invalid monitor address: {error}') from None
