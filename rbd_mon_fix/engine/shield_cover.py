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

"""The cephx users that the shield of this host covers now."""

from __future__ import annotations

import dataclasses
import logging
from typing import Callable, Mapping, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import shield_effect
from rbd_mon_fix.engine import cephx_keys
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.engine import shield_conf
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.qemu import open_check

LOG = logging.getLogger(__name__)

Disk = tuple[Locator, RbdDisk]


def shielded(context: contexts.Context, host: str) -> Mapping[str, str]:
    """Return the users that are shielded on a host, each with its cluster.

    They have a proven section with the right monitors in a file that QEMU
    reads. In doubt, and on another machine, there is none.
    """
    if not context.local_host.is_here(host):
        return {}
    conf = _conf(context)
    if conf is None or not conf.before:
        return {}
    if not qemu_on_host.reads(context, host, conf.path):
        LOG.debug('Ignoring the shield in %s: QEMU does not read this file, '
                  'or this user cannot tell.', conf.path)
        return {}
    return shield_effect.clusters_of_users(
        conf.before, context.histories.clusters)


def cases(context: contexts.Context, host: str, disks: Sequence[Disk],
          attempt: Callable[[Locator, RbdDisk], open_check.Attempt]
          ) -> Mapping[Disk, open_check.Case]:
    """Return how QEMU opens the disks that the shield of this host covers.

    :param host: this machine, as Nova names it
    :param attempt: returns how QEMU opens a disk by its own list
    :raises ConfigError: a key may not be read
    """
    conf = _conf(context) if disks else None
    if conf is None or not conf.before:
        return {}
    try:
        qemu = qemu_on_host.user(context, host)
    except (exceptions.ConfigError, exceptions.Unreachable) as error:
        LOG.debug('Ignoring the shield in %s: %s', conf.path, error.message)
        return {}
    users = {each.user for each in conf.before if each.is_proven}
    if not qemu_on_host.is_read_by(qemu.daemon, conf.path):
        return {}
    attempts = {disk: attempt(*disk) for disk in disks
                if not disk[1].own_conf}
    return {disk: dataclasses.replace(each, by=qemu)
            for disk, each in attempts.items()
            if isinstance(each, open_check.Case) and each.user in users}


def user_of(context: contexts.Context, copy: Copy) -> Optional[str]:
    """Return the cephx user with which QEMU opens the disk of a copy."""
    if copy.disk is None:
        return None
    return cephx_keys.of_disk(context, copy.locator, copy.disk)[0]


def _conf(context: contexts.Context) -> Optional[shield_conf.ConfText]:
    try:
        return shield_conf.read(context)
    except (exceptions.ConfigError, exceptions.Refused) as error:
        LOG.debug('There is no shield: %s', error.message)
    return None
