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

"""A plan that was saved to a file, without the texts of documents."""

from __future__ import annotations

import dataclasses
from typing import Optional

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Locator


@dataclasses.dataclass(frozen=True)
class PlannedEdit:
    """The old and new addresses of one disk.

    :param disk: device name; None if no document names it
    """

    disk: Optional[str]
    image: str
    cluster: str
    old: tuple[MonAddr, ...]
    new: tuple[MonAddr, ...]


@dataclasses.dataclass(frozen=True)
class PlannedChange:
    """A change, with fingerprints in place of its documents.

    :param before: fingerprint of the document that was read
    :param after: fingerprint of the edited document
    """

    locator: Locator
    before: str
    after: str
    edits: tuple[PlannedEdit, ...]


@dataclasses.dataclass(frozen=True)
class PlannedCluster:
    """A cluster of a plan, and its right monitors at that time."""

    name: str
    fsid: Optional[str]
    monitors: tuple[MonAddr, ...]


@dataclasses.dataclass(frozen=True)
class PlannedScope:
    """The servers and stores that a plan covers.

    :param hosts: the compute hosts that were read
    :param stores: only these stores; empty for all that are available
    :param instances: only these servers, by UUID; empty for all
    :param unmanaged: whether guests that Nova does not know are corrected
    """

    hosts: tuple[str, ...]
    stores: tuple[str, ...]
    instances: tuple[str, ...]
    unmanaged: bool


@dataclasses.dataclass(frozen=True)
class SavedPlan:
    """A whole plan.

    :param made: when the plan was made: UTC, ISO 8601
    :param program: the version of rbd-mon-fix that made it
    :param clusters: the clusters of the changes
    """

    digest: str
    made: str
    program: str
    scope: PlannedScope
    clusters: tuple[PlannedCluster, ...]
    changes: tuple[PlannedChange, ...]
