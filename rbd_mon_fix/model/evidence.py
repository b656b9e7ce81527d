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

"""Evidence that a disk belongs to a cluster, or the reason for a doubt."""

from __future__ import annotations

import dataclasses
import enum
import functools


class EvidenceKind(str, enum.Enum):
    """What tells the cluster of a disk, or why nothing tells it."""

    CURRENT_ADDRESS = 'current-address'
    HISTORY = 'history'
    STATED = 'stated'
    NO_ADDRESS = 'no-address'
    NOT_FOUND = 'not-found'
    SEVERAL_CLUSTERS = 'several-clusters'
    CONTRADICTION = 'contradiction'
    LIVING_STRANGER = 'living-stranger'
    UNCONFIRMED_LIST = 'unconfirmed-list'


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The evidence for the cluster of one disk.

    :param remark: sentences for people, or ''
    :param addresses: whose each old address was, such as
        ``192.0.2.1:6789 was mon.a until 2026-11-20``
    """

    kind: EvidenceKind
    remark: str = ''
    addresses: tuple[str, ...] = ()

    @functools.cached_property
    def detail(self) -> str:
        """Return everything in sentences; '' if the kind says it all."""
        addresses = f'{", ".join(self.addresses)}.' if self.addresses else ''
        return ' '.join(filter(None, (addresses, self.remark)))

    def __str__(self) -> str:
        return f'{self.kind.value}: {self.detail}' if self.detail else (
            self.kind.value)
