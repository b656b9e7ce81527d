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

"""UUIDs of libvirt secrets."""

from __future__ import annotations

import functools
from typing import Optional
import uuid


# Thousands of disks name the same few secrets.
@functools.lru_cache(maxsize=64)
def canonical(text: Optional[str]) -> Optional[str]:
    """Return a secret's UUID as libvirt prints it, in lower case.

    Configs and documents may have UUIDs in upper case or without hyphens
    (libvirt's src/util/viruuid.c, ``virUUIDParse``).

    :returns: None without a text; a text that is not a UUID, unchanged
    """
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError:
        return text
