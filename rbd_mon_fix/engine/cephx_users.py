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

"""The cephx identities of all guests, selected or not."""

from __future__ import annotations

import contextlib
from typing import Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import ownership
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.inventory import domains
from rbd_mon_fix.inventory import instances


def of_all_guests(context: contexts.Context,
                  hosts: Sequence[str]) -> ownership.Identities:
    """Return the cephx identities of the disks of all domains on hosts.

    The identities tell whether a ceph.conf without a stated secret may belong
    to more than one cluster; see core.ownership. All domains are read, but
    only if there is such a ceph.conf.
    """
    found: ownership.Identities = frozenset()
    if not ownership.is_vague(context.clusters):
        return found
    for host in hosts:
        # The scan reports a host that is down.
        with contextlib.suppress(exceptions.Unreachable):
            for scope in domains.scopes(context.hypervisor(host), host,
                                        lambda uuid: True, instances.BATCH):
                found |= ownership.identities(
                    disk for document in scope.documents.values()
                    for disk in document.disks)
    return found
