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

"""From the name of a store to the store; a new one is one line here."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Protocol

from rbd_mon_fix.engine import context as contexts


class Opener(Protocol):
    """What opening a store needs: the site, who knows servers, others."""

    site: contexts.Context
    roster: Any

    def store(self, name: str, host: str) -> Any:
        """Return another store of a host."""


def opened(survey: Opener, name: str, host: str) -> Any:
    """Open a store of a host; only what it needs is imported.

    :raises Unreachable: libvirt cannot be reached
    """
    return _STORES[name](survey, host)


def _nova_bdm(survey: Opener, host: str) -> Any:
    from rbd_mon_fix.stores import nova_bdm
    return nova_bdm.NovaBdmStore(survey.roster.cell(host))


def _cinder_attachment(survey: Opener, host: str) -> Any:
    from rbd_mon_fix.stores import cinder_attachment
    return cinder_attachment.CinderAttachmentStore(
        survey.site.cinder_database)


def _domain(survey: Opener, host: str) -> Any:
    from rbd_mon_fix.stores import domain
    return domain.DomainStore(survey.site.hypervisor(host))


def _managed_save(survey: Opener, host: str) -> Any:
    from rbd_mon_fix.stores import managed_save
    return managed_save.ManagedSaveStore(survey.site.hypervisor(host))


def _unrescue(survey: Opener, host: str) -> Any:
    from rbd_mon_fix.stores import unrescue
    assert survey.site.nova is not None
    return unrescue.UnrescueStore(survey.site.nova.instances_path)


def _live_domain(survey: Opener, host: str) -> Any:
    from rbd_mon_fix.stores import live_domain
    return live_domain.LiveDomainStore(
        survey.site.hypervisor(host), survey.store('domain', host).live)


_STORES: Mapping[str, Callable[[Opener, str], Any]] = {
    'nova-bdm': _nova_bdm,
    'cinder-attachment': _cinder_attachment,
    'domain': _domain,
    'managed-save': _managed_save,
    'unrescue': _unrescue,
    'live-domain': _live_domain,
}
