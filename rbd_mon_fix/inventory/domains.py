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

"""Libvirt domains as servers, for domains that Nova does not list.

Nova adds its own metadata to the domains that it defines.
"""

from __future__ import annotations

import itertools
from typing import Callable, Iterator, NamedTuple, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope


class _Listed(NamedTuple):
    """A domain and its persistent XML; None if it cannot be read."""

    instance: Instance
    document: Optional[domain_xml.DomainXML]


def scopes(hypervisor: libvirt.Hypervisor, host: str,
           wanted: Callable[[str], bool], batch: int) -> Iterator[Scope]:
    """Yield the domains of a host in batches, in UUID order.

    A domain that cannot be read counts as Nova's and is skipped later; one
    that is only busy counts for this host, whoever created it.

    :param wanted: tells whether to include the domain with a UUID
    :param batch: maximum number of domains in a batch
    :raises Unreachable: libvirt cannot be reached, or was lost
    """
    domains = iter(sorted(
        (domain for domain in hypervisor.domains() if wanted(domain.uuid)),
        key=lambda domain: domain.uuid))
    while part := list(itertools.islice(domains, batch)):
        listed = _read(hypervisor, host, part)
        yield Scope(
            host,
            {each.instance.uuid: each.instance for each in listed},
            {each.instance.uuid: each.document for each in listed
             if each.document is not None})


def _read(hypervisor: libvirt.Hypervisor, host: str,
          domains: Sequence[libvirt.Domain]) -> list[_Listed]:
    known = {domain.uuid: domain for domain in domains}
    return hypervisor.domain_by_domain(
        lambda uuid: _listed(hypervisor, host, known[uuid]), list(known),
        {domain.uuid for domain in domains if domain.active})


def _listed(hypervisor: libvirt.Hypervisor, host: str,
            domain: libvirt.Domain) -> _Listed:
    try:
        document = domain_xml.DomainXML.parse(
            hypervisor.inactive_xml(domain.uuid))
    except libvirt.Busy:
        return _Listed(_instance(host, domain, False, ''), None)
    except (exceptions.Unreadable, exceptions.Gone, libvirt.Declined):
        return _Listed(_instance(host, domain, True, ''), None)
    return _Listed(
        _instance(host, domain, document.nova, document.nova_name), document)


def _instance(host: str, domain: libvirt.Domain, managed: bool,
              name: str) -> Instance:
    return Instance(uuid=domain.uuid, host=host, name=name or domain.name,
                    vm_state=_vm_state(domain), managed=managed)


def _vm_state(domain: libvirt.Domain) -> str:
    """Translate libvirt's state of a domain to Nova's."""
    if domain.paused:
        return 'paused'
    if domain.active:
        return 'active'
    return 'suspended' if domain.saved else 'stopped'
