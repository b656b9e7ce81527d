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

"""The proof that a shield works: QEMU opens an image with a dead list."""

from __future__ import annotations

import dataclasses
from typing import Iterable, Mapping

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import shield_survey
from rbd_mon_fix.engine import verification
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user

# No monitor listens on tcpmux, and the kernel refuses at once.
DEAD = MonAddr('127.0.0.1', 1)


class ShieldProver:
    """Opens images as QEMU on this host would.

    :param path: the ceph.conf that has the shield
    :raises ConfigError: this user may not act as QEMU, several libvirt
        daemons run here, QEMU reads another file, or its librados does not
        know the option
    :raises Unreachable: libvirt cannot be reached
    """

    def __init__(self, context: contexts.Context, host: str, path: str,
                 limits: verification.Limits, listener: reporting.Listener):
        self._limits = limits
        self._listener = listener
        self._opener = verification.Prover(context, (host,), limits, listener)
        self._by = qemu_on_host.user(context, host)
        if not qemu_on_host.is_read_by(self._by.daemon, path):
            raise exceptions.ConfigError(
                f'QEMU on this host does not read {path}: its '
                f'{qemu_on_host.CONF} is another file, or missing.',
                'Nothing was changed. Name the file that QEMU reads with '
                '--shield-conf: on the host, the one that the container of '
                'libvirt mounts. If the container copies it when it starts '
                '(Kolla), shield cannot help: put mon_host_override into the '
                'file that is deployed.')
        if qemu_user.knows_override(self._by) is False:
            raise exceptions.ConfigError(
                "QEMU's librados on this host does not know "
                'mon_host_override.',
                'Nothing was changed. Update Ceph on this host to 15.2.8 or '
                'later.')

    def failures(self, users: Iterable[str], samples: shield_survey.Samples,
                 conf: str = '') -> Mapping[str, str]:
        """Open an image of each user with a dead list.

        :param users: those without a sample are left out
        :param conf: text to read as the ceph.conf; '' for the real file
        :returns: QEMU's error for each user whose image does not open
        :raises ConfigError: a key may not be read
        """
        attempts = {user: self._opener.attempt(*samples[user])
                    for user in users if user in samples}
        cases = {user: dataclasses.replace(each, monitors=(DEAD,),
                                           by=self._by, conf=conf)
                 for user, each in attempts.items()
                 if isinstance(each, open_check.Case)}
        with self._listener.phase(
                reporting.Phase.OPENING.value, len(cases)) as advance:
            proofs = {**attempts, **dict(zip(cases, open_check.prove(
                list(cases.values()), self._limits.timeout,
                self._limits.parallel, advance)))}
        return {user: f'{samples[user][1].image} does not open: {each.error}.'
                for user, each in proofs.items()
                if isinstance(each, open_check.Proof) and not each.opened}
