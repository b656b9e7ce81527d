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

"""Redefine a domain without losing a change that somebody else makes.

Libvirt has no compare and swap. Changes that it makes for others at the same
time, such as an attached disk, are looked for before and after.
"""

from __future__ import annotations

import time
from typing import Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Document

# Seconds between looks whether libvirt is still in a call: 5 in all.
_PAUSES = (*[0.02] * 10, *[0.1] * 48)


def put(hypervisor: libvirt.Hypervisor, change: Change) -> Outcome:
    """Define a domain where libvirt still holds what was read.

    :param change: its record carries the live XML of a domain that ran
    :raises Unreachable: libvirt was lost, and with it the knowledge of what
        was written
    """
    try:
        active = _check(hypervisor, change)
        hypervisor.define(change.document.text)
    except (exceptions.Conflict, exceptions.Gone) as error:
        return Outcome(change.locator, Verdict.CONFLICT, error.message)
    except (exceptions.Unreadable, libvirt.Declined) as error:
        return Outcome(change.locator, Verdict.FAILED, error.message)
    try:
        doubt = _doubt(hypervisor, change, active)
    except (exceptions.Gone, exceptions.Unreadable,
            libvirt.Declined) as error:
        doubt = error.message
    verdict = Verdict.UNVERIFIED if doubt else Verdict.FIXED
    return Outcome(change.locator, verdict, doubt)


def has_block_job(hypervisor: libvirt.Hypervisor,
                  live: domain_xml.DomainXML) -> bool:
    """Tell whether a job is at work on a disk of a running domain.

    At its end libvirt looks for the disk in the persistent XML, by its
    hosts as well, to put the new image there (src/qemu/qemu_blockjob.c,
    ``qemuBlockJobGetConfigDisk``). Copies show in the live XML as a
    mirror; pulls and commits need an image below the disk's own.
    """
    return live.mirror or any(hypervisor.has_block_job(live.uuid, device)
                              for device in live.chained)


def _check(hypervisor: libvirt.Hypervisor, change: Change) -> bool:
    """Make sure that a define would replace what was read, no more.

    A define would bring back a domain that was undefined, and make a
    transient one persistent. One that does not run is persistent and has no
    block jobs. The text is looked at last, right before the define.

    :returns: whether the domain runs
    """
    uuid, document = change.locator.key, change.record.document
    active = hypervisor.active(uuid)
    if active and has_block_job(hypervisor, _live(hypervisor, uuid)):
        raise exceptions.Conflict('A block job was begun on a disk.')
    if active and not hypervisor.persistent(uuid):
        raise exceptions.Conflict('The domain has become transient.')
    if document is None or hypervisor.inactive_xml(uuid) != document.text:
        raise exceptions.Conflict('The domain was changed meanwhile.')
    return active


def _doubt(hypervisor: libvirt.Hypervisor, change: Change,
           active: bool) -> str:
    """Say why a define may not be all that became of a domain, or ''.

    Who attaches a device has libvirt copy the persistent XML first, and put
    the copy in place last (src/qemu/qemu_driver.c,
    ``qemuDomainAttachDeviceLiveAndConfig``): a define in between is lost.
    A define that comes right after loses the device, if the copy was put in
    place since we looked; only the live XML has it then.
    """
    uuid = change.locator.key
    if active and not _idle(hypervisor, uuid):
        return 'Libvirt was still at work on the domain afterwards.'
    if hypervisor.inactive_xml(uuid) != change.document.text:
        return 'Libvirt holds other XML than was defined.'
    if not active:
        return ''
    lost = (_apart(_live(hypervisor, uuid), change)
            - _apart(change.record.live, change))
    return (f'In that moment {", ".join(sorted(lost))} was attached or '
            'detached, and the next start does not know of it.'
            if lost else '')


def _apart(live: Optional[Document], change: Change) -> frozenset[str]:
    """Return the devices in only one of live and persistent XML."""
    document = change.record.document
    if not (isinstance(live, domain_xml.DomainXML)
            and isinstance(document, domain_xml.DomainXML)):
        return frozenset()
    return live.attached ^ document.attached


def _idle(hypervisor: libvirt.Hypervisor, uuid: str) -> bool:
    """Wait until libvirt is in no call for a domain, for a while."""
    for pause in _PAUSES:
        if not hypervisor.at_work(uuid):
            return True
        time.sleep(pause)
    return False


def _live(hypervisor: libvirt.Hypervisor, uuid: str) -> domain_xml.DomainXML:
    return domain_xml.DomainXML.parse(hypervisor.live_xml(uuid))
