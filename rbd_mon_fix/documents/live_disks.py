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

"""The disks in the XML of a running guest, as a rescue needs them."""

from __future__ import annotations

from typing import Iterator

from rbd_mon_fix.documents import rbd_source
from rbd_mon_fix.documents import xml_tree
from rbd_mon_fix.model.rescue import DiskFeature
from rbd_mon_fix.model.rescue import LiveDisk


def read(text: str) -> tuple[LiveDisk, ...]:
    """Return all disks of a running guest.

    :raises Unreadable: the text is not well-formed XML, or a disk has no
        target
    """
    root = xml_tree.parse(xml_tree.encoded(text))
    return tuple(_disk(element) for devices in root.all('devices')
                 for element in devices.all('disk'))


def _disk(disk: xml_tree.Element) -> LiveDisk:
    source = _first(disk, 'source')
    driver = _first(disk, 'driver')
    is_rbd = source.get('protocol') == 'rbd'
    return LiveDisk(
        rbd_source.target(disk), _first(disk, 'alias').get('name', ''),
        source.get('index', ''), source.get('name', '') if is_rbd else None,
        source.get('dev') or source.get('file') or '',
        _first(disk, 'target').get('bus', ''), driver.get('discard'),
        bool(disk.all('readonly')), tuple(_features(disk, driver)))


def _features(disk: xml_tree.Element, driver: dict[str, str]
              ) -> Iterator[DiskFeature]:
    """Yield what a disk has, by the elements of docs/formatdomain.rst."""
    names = {element.name for _, element in disk.below()}
    inside = {element.name for source in disk.all('source')
              for element in source.children}
    if 'shareable' in names:
        yield DiskFeature.SHAREABLE
    if 'encryption' in names:
        yield DiskFeature.ENCRYPTED
    if any(each.children for each in disk.all('backingStore')):
        yield DiskFeature.CHAINED
    if 'snapshot' in inside:
        yield DiskFeature.SNAPSHOT
    if 'slices' in inside:
        yield DiskFeature.SLICED
    if 'mirror' in names:
        yield DiskFeature.MIRRORED
    if 'iothread' in driver or 'iothreads' in names:
        yield DiskFeature.IOTHREAD
    if driver.get('type', 'raw') != 'raw':
        yield DiskFeature.NOT_RAW


def _first(disk: xml_tree.Element, name: str) -> dict[str, str]:
    return next((each.attributes for each in disk.all(name)), {})
