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

"""The single rule for whether two host names mean the same machine."""

from __future__ import annotations


def is_same(one: str, other: str) -> bool:
    """Tell whether two host names belong to the same machine.

    A short name matches a full name that starts with it; two full names
    that differ belong to different machines.
    """
    return one == other or ('.' not in one or '.' not in other) and (
        one.split('.')[0] == other.split('.')[0])
