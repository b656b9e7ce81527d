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

"""Having QEMU open disks, each document's way only once."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any, Mapping, Optional, Sequence, TextIO

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.inventory import local_host
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.report import progress

# Nobody starts a guest from these.
NOT_COLD = ('cinder-attachment', 'live-domain')


class Prover:
    """Opens disks with the keys that this machine's libvirt keeps.

    :param hosts: those whose disks are to be opened
    :param timeout: seconds for each disk
    :param parallel: how many are opened at once
    :raises ConfigError: one of the hosts is not this machine
    """

    def __init__(self, site: contexts.Context, hosts: Sequence[str],
                 timeout: float, parallel: int, err: TextIO):
        local_host.require(site, hosts, 'The proof')
        self._site = site
        self._timeout = timeout
        self._parallel = parallel
        self._err = err
        self._keys: dict[tuple[str, str], str] = {}

    def prove(self, disks: Sequence[tuple[Locator, RbdDisk]]
              ) -> list[open_check.Proof]:
        """Open disks as a cold start would; those alike only once.

        :returns: in the order of the disks
        :raises ConfigError: a key may not be read, or QEMU cannot do it
        """
        attempts = [self._attempt(*disk) for disk in disks]
        cases = list(dict.fromkeys(
            each for each in attempts if isinstance(each, open_check.Case)))
        with progress.shown(self._err, 'Opening', len(cases)) as advance:
            proofs = dict(zip(cases, open_check.prove(
                cases, self._timeout, self._parallel, advance)))
        return [proofs[each] if isinstance(each, open_check.Case) else each
                for each in attempts]

    def complaints(self, changes: Sequence[Change]) -> Mapping[Locator, str]:
        """Return what QEMU says of changed documents that do not open."""
        disks = [(change.locator, dataclasses.replace(
                     _disk(change, edit.disk), monitors=edit.new))
                 for change in changes for edit in change.edits
                 if change.locator.store not in NOT_COLD]
        return {locator: f'{disk.image} does not open: {found.error}'
                for (locator, disk), found in zip(disks, self.prove(disks))
                if not found.opened}

    def _attempt(self, where: Locator, disk: RbdDisk) -> Any:
        """Return the case of a disk, or the proof that it cannot be one."""
        user, secret = self._credentials(where, disk)
        if user is None or secret is None:
            return open_check.Case(disk.image, disk.monitors, user, None)
        try:
            key = self._key(where.host, secret)
        except exceptions.Gone as error:
            return open_check.Proof(False, error.message, 0.0)
        return open_check.Case(disk.image, disk.monitors, user, key)

    def _credentials(self, where: Locator, disk: RbdDisk
                     ) -> tuple[Optional[str], Optional[str]]:
        """Return user and secret as Nova takes them.

        Those of nova.conf stand in for a secret that Cinder did not name
        (nova/virt/libvirt/volume/net.py, ``_set_auth_config_rbd``).
        """
        nova = self._site.nova
        if (where.store == 'nova-bdm' and disk.secret_uuid is None
                and nova is not None and nova.rbd_secret_uuid):
            return nova.rbd_user, nova.rbd_secret_uuid
        return disk.user, disk.secret_uuid

    def _key(self, host: str, secret: str) -> str:
        if (host, secret) not in self._keys:
            self._keys[host, secret] = self._ask(host, secret)
        return self._keys[host, secret]

    def _ask(self, host: str, secret: str) -> str:
        from rbd_mon_fix.clients import libvirt
        try:
            value = self._site.hypervisor(host).secret_value(secret)
        except libvirt.Declined as error:
            raise exceptions.ConfigError(
                f'The key in secret {secret} cannot be had, so nothing can '
                f'be opened with it: {error.message}.',
                'Run it as a user who may read it ("virsh secret-get-value" '
                'shows whether). That of a private secret nobody may.'
                ) from None
        return base64.b64encode(value).decode()


def _disk(change: Change, key: str) -> RbdDisk:
    return next(disk for disk in change.document.disks if disk.key == key)
