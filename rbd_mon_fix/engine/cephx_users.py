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

"""The secrets of all guests, whichever were asked for."""

from __future__ import annotations

import contextlib
from typing import Any

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import ownership
from rbd_mon_fix.model.instance import Scope


def of_all_guests(survey: Any) -> ownership.Secrets:
    """Return the secrets of all disks on the hosts of a survey.

    They tell whether a ceph.conf for which no secret was stated may be of
    more than one cluster; see core.ownership. Where that is no question,
    nothing is read; where it is, domains are, whichever stores were asked for.
    """
    found: ownership.Secrets = frozenset()
    if not ownership.is_vague(survey.site.clusters):
        return found
    for host in survey.request.hosts:
        # One that is down is told of in its turn.
        with contextlib.suppress(exceptions.Unreachable):
            store = survey.store('domain', host)
            found |= ownership.secrets(store.scan(Scope(host, {
                guest.uuid: guest
                for guest in store.others(Scope(host, {}))})))
    return found
