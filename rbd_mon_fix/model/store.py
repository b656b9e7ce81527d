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

"""The contract of stores."""

from __future__ import annotations

from typing import Iterable, Protocol, Sequence

from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record


class Store(Protocol):
    """Stateless access to the documents of servers in one place.

    ``guards_busy`` is True if the store itself refuses to write while Nova
    is working on the server, or if Nova's work does not affect the store.
    For any other store, Nova is asked before and after each write.
    """

    name: str
    guards_busy: bool

    def scan(self, scope: Scope) -> Iterable[Record]:
        """Read every document of the servers in the scope.

        :raises Unreachable: the store cannot be reached
        """

    def get(self, locator: Locator) -> Record:
        """Read one document again.

        :raises Gone: the document no longer exists
        :raises Unreachable: the store cannot be reached
        """

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Write documents that have not changed since they were read.

        Each document is read back afterwards. The outcomes are in the order
        of the changes: ``fixed``; ``conflict``, not written because the
        document has changed; ``failed``, not written; ``unverified``,
        written but not found when read back, or perhaps over a change that
        was not read.

        :raises Unreachable: the store was lost, and it is unknown what was
            written
        """
