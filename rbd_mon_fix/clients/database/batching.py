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

"""Values in batches that fit into one statement."""

from __future__ import annotations

from typing import Iterable, Iterator, TypeVar

Key = TypeVar('Key', int, str)

# Databases limit the number of parameters of a statement; older versions
# of SQLite to 999.
_BATCH = 900


def batches(values: Iterable[Key]) -> Iterator[list[Key]]:
    """Yield distinct values in batches that fit into one statement."""
    rest = sorted(set(values))
    for start in range(0, len(rest), _BATCH):
        yield rest[start:start + _BATCH]
