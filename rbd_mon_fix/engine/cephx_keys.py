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

"""Cephx keys that libvirt stores as secrets."""

from __future__ import annotations

import base64
import dataclasses
from typing import Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.stores import registry


@dataclasses.dataclass(frozen=True)
class SecretName:
    """A libvirt secret as a document names it: by UUID or usage.

    :param host: the host whose libvirt has the secret
    """

    host: str
    uuid: Optional[str] = None
    usage: Optional[str] = None

    def __str__(self) -> str:
        return self.uuid or f'with the usage "{self.usage}"'


def of_disk(context: contexts.Context, where: Locator, disk: RbdDisk
            ) -> tuple[Optional[str], Optional[SecretName]]:
    """Return the user and secret that the document's reader would use."""
    nova = context.nova
    if (registry.SPECS[where.store].secret_from_nova
            and disk.secret_uuid is None
            and nova is not None and nova.rbd_secret_uuid):
        return nova.rbd_user, SecretName(
            where.host, nova.rbd_secret_uuid, None)
    if disk.secret_uuid is None and disk.secret_usage is None:
        return disk.user, None
    return disk.user, SecretName(
        where.host, disk.secret_uuid, disk.secret_usage)


class Keys:
    """Reads keys from libvirt, each only once."""

    def __init__(self, context: contexts.Context):
        self._context = context
        self._known: dict[SecretName, str] = {}

    def of(self, secret: SecretName) -> str:
        """Return the key in a secret, encoded in base64.

        :raises ConfigError: this user may not read the secret
        :raises Gone: the secret does not exist, or has no value
        :raises Unreachable: libvirt cannot be reached
        """
        if secret not in self._known:
            self._known[secret] = base64.b64encode(
                self._value(secret)).decode()
        return self._known[secret]

    def _value(self, secret: SecretName) -> bytes:
        from rbd_mon_fix.clients import libvirt
        hypervisor = self._context.hypervisor(secret.host)
        try:
            if secret.uuid is not None:
                return hypervisor.secret_value(secret.uuid)
            return hypervisor.secret_value_by_usage(secret.usage or '')
        except libvirt.Declined as error:
            raise exceptions.ConfigError(
                f'Cannot read the value of libvirt secret {secret}: '
                f'{error.message}.',
                'Run this as a user who can read the secret; test with "virsh '
                'secret-get-value". The value of a private secret cannot be '
                'read at all.') from None
