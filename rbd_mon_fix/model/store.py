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

"""What every place that keeps documents can do."""

from __future__ import annotations

from typing import Iterable, Protocol, Sequence

from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record


class Store(Protocol):
    """A place that keeps documents of servers."""

    name: str

    def scan(self, scope: Scope) -> Iterable[Record]:
        """Read every document of the servers in the scope.

        :raises Unreachable: the place cannot be reached
        """

    def get(self, locator: Locator) -> Record:
        """Read one document again.

        :raises Gone: there is none
        :raises Unreachable: the place cannot be reached
        """

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Write documents where the store still holds what was read.

        Each is read back after. The outcomes are in the order of the
        changes: ``fixed``; ``conflict``, nothing written because the place
        holds something else by now; ``failed``, nothing written;
        ``unverified``, written but not found when read back.

        :raises Unreachable: the place was lost, and with it the knowledge
            of what was written
        """
