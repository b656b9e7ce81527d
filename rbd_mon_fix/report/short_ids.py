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
"""UUIDs by their first digits."""

from __future__ import annotations

import collections
import re
from typing import Iterable, Mapping

_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_DIGITS = 8


def short(ids: Iterable[str]) -> Mapping[str, str]:
    """Return what to show for each UUID: enough of it to be unique.

    A text that is no UUID, such as the name of a guest, is shown whole.
    """
    known = set(ids)
    counts = collections.Counter(each[:_DIGITS] for each in known)
    return {each: each[:_DIGITS]
            if counts[each[:_DIGITS]] == 1 and _UUID.fullmatch(each)
            else each for each in known}
