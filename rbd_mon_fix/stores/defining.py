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

"""Redefinition of domains without losing a concurrent change unnoticed.

Libvirt has no compare-and-swap, so this module checks for concurrent changes,
such as an attached disk, before and after the define, and counts the defines
that libvirt reports in between, and the replacements of the domain's file.
"""

from __future__ import annotations

import contextlib
import time
from typing import Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.clients import libvirt_events
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Document

_CHANGED = ('Another client changed the domain during the write, and that '
            'change may be lost.')

# Seconds between checks for a libvirt call in progress: 5 in total.
_PAUSES = (*[0.02] * 10, *[0.1] * 48)


def put(hypervisor: libvirt.Hypervisor,
        changes: Sequence[Change]) -> list[Outcome]:
    """Define domains whose XML has not changed since it was read.

    Nothing is written if libvirt sends no events, since another client's
    change could then be replaced unnoticed.

    :param changes: of different domains; the record of a domain that was
        running has its live XML
    :returns: the outcomes in the order of the changes
    :raises Unreachable: libvirt was lost, and it is unknown what was
        written
    """
    with contextlib.ExitStack() as stack:
        try:
            watch = stack.enter_context(hypervisor.watching())
        except libvirt.Declined as error:
            reason = ('Not written, because changes by other clients could '
                      f'not be noticed: {error.message}')
            return [Outcome(change.locator, Verdict.FAILED, reason)
                    for change in changes]
        outcomes = hypervisor.concurrently(
            lambda change: _put(hypervisor, watch, change), changes)
        watch.catch_up({outcome.locator.key for outcome in outcomes
                        if outcome.verdict is Verdict.FIXED})
        return [_judged(outcome, watch.events(outcome.locator.key))
                for outcome in outcomes]


def has_block_job(hypervisor: libvirt.Hypervisor,
                  live: domain_xml.DomainXML) -> bool:
    """Return whether a block job runs on a disk of a running domain.

    When the job ends, libvirt looks up the disk in the persistent XML, also
    by its hosts, and writes the new image there (src/qemu/qemu_blockjob.c,
    ``qemuBlockJobGetConfigDisk``). A copy shows as a mirror in the live
    XML; a pull or commit needs a backing image.
    """
    return live.mirror or any(hypervisor.has_block_job(live.uuid, device)
                              for device in live.chained)


def _put(hypervisor: libvirt.Hypervisor, watch: libvirt_events.DomainWatch,
         change: Change) -> Outcome:
    try:
        active = _check(hypervisor, watch, change)
        hypervisor.define(change.document.text)
        replaced = watch.files.count(_name(change))
    except (exceptions.Conflict, exceptions.Gone) as error:
        return Outcome(change.locator, Verdict.CONFLICT, error.message)
    except (exceptions.Unreadable, libvirt.Declined) as error:
        return Outcome(change.locator, Verdict.FAILED, error.message)
    try:
        doubt = _doubt(hypervisor, change, active)
    except (exceptions.Gone, exceptions.Unreadable,
            libvirt.Declined) as error:
        doubt = error.message
    if replaced > 1:
        doubt = doubt or _CHANGED
    verdict = Verdict.UNVERIFIED if doubt else Verdict.FIXED
    return Outcome(change.locator, verdict, doubt)


def _judged(outcome: Outcome, events: Sequence[libvirt_events.DomainEvent]
            ) -> Outcome:
    """Doubt a write unless its own define is all that libvirt reports."""
    if (outcome.verdict is not Verdict.FIXED
            or events == [libvirt_events.DomainEvent.DEFINED]):
        return outcome
    if not events:
        doubt = ('Libvirt did not report the write, so another write at that '
                 'moment may have gone unnoticed.')
    elif libvirt_events.DomainEvent.UNDEFINED in events:
        doubt = ('Another client undefined the domain during the write, which '
                 'may have restored it.')
    else:
        doubt = _CHANGED
    return Outcome(outcome.locator, Verdict.UNVERIFIED, doubt)


def _check(hypervisor: libvirt.Hypervisor, watch: libvirt_events.DomainWatch,
           change: Change) -> bool:
    """Refuse a define that would replace anything but the XML as read.

    A define would restore an undefined domain, and make a transient one
    persistent. A domain that is not running is persistent and has no block
    jobs. The XML is compared last, right before the define; events that
    arrive earlier are those of XML that is compared.

    :returns: whether the domain is running
    """
    uuid, document = change.locator.key, change.record.document
    active = hypervisor.active(uuid)
    if active and has_block_job(hypervisor, _live(hypervisor, uuid)):
        raise exceptions.Conflict('A block job has started on a disk.')
    if active and not hypervisor.persistent(uuid):
        raise exceptions.Conflict('The domain has become transient.')
    watch.begin(uuid)
    watch.files.begin(_name(change))
    if document is None or hypervisor.inactive_xml(uuid) != document.text:
        raise exceptions.Conflict('The domain has changed since it was read.')
    return active


def _name(change: Change) -> str:
    """Return libvirt's name of the domain."""
    document = change.record.document
    return document.name if isinstance(document, domain_xml.DomainXML) else ''


def _doubt(hypervisor: libvirt.Hypervisor, change: Change,
           active: bool) -> str:
    """Explain how the define or a concurrent change may be lost, or ''.

    To attach a device, libvirt first copies the persistent XML and finally
    installs the copy (src/qemu/qemu_driver.c,
    ``qemuDomainAttachDeviceLiveAndConfig``): a define in between is lost.
    If libvirt installs the copy between the check and the define, the
    define loses the device, and only the live XML has it.
    """
    uuid = change.locator.key
    if active and not _idle(hypervisor, uuid):
        return 'Libvirt was still working on the domain after the write.'
    if domain_xml.differs(hypervisor.inactive_xml(uuid),
                          change.document.text):
        return "Libvirt's XML differs from the XML that was written."
    if not active:
        return ''
    lost = (_apart(_live(hypervisor, uuid), change)
            - _apart(change.record.live, change))
    return ('Attached or detached during the write; the persistent XML now '
            f'differs from the running domain: {", ".join(sorted(lost))}.'
            if lost else '')


def _apart(live: Optional[Document], change: Change) -> frozenset[str]:
    """Return the devices that only the live or only the persistent XML has."""
    document = change.record.document
    if not (isinstance(live, domain_xml.DomainXML)
            and isinstance(document, domain_xml.DomainXML)):
        return frozenset()
    return live.attached ^ document.attached


def _idle(hypervisor: libvirt.Hypervisor, uuid: str) -> bool:
    """Wait, up to a limit, until libvirt has no call for a domain."""
    for pause in _PAUSES:
        if not hypervisor.at_work(uuid):
            return True
        time.sleep(pause)
    return False


def _live(hypervisor: libvirt.Hypervisor, uuid: str) -> domain_xml.DomainXML:
    return domain_xml.DomainXML.parse(hypervisor.live_xml(uuid))
