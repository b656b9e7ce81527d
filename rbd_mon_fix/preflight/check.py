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

"""What ``preflight`` looked at, and what it found."""

from __future__ import annotations

import dataclasses
import enum


class Works(str, enum.Enum):
    """Whether it works."""

    YES = 'yes'
    NO = 'no'
    NOT_ASKED = 'not asked'


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that a run needs.

    :param check: what kind of thing: config, database, libvirt, ...
    :param subject: which one
    :param finding: one sentence
    :param advice: what to do where it does not work
    """

    check: str
    subject: str
    works: Works
    finding: str
    advice: str = ''
