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

"""Lists of addresses in brace form: ``192.0.2.{11,12,13}:6789``."""

from __future__ import annotations

import itertools
import os
from typing import Iterable, Optional, Sequence

from rbd_mon_fix.model.monmap import MonAddr


def addresses(addrs: Iterable[MonAddr]) -> str:
    """Return addresses; neighbours with the same port share braces.

    A shell expands the text to the same addresses in the same order, which is
    the order that librados reads.
    """
    return ' '.join(_group([addr.host for addr in group], port)
                    for (port, _), group in itertools.groupby(addrs, _form))


def _form(addr: MonAddr) -> tuple[Optional[int], bool]:
    """Return the port, and whether the host is written in brackets."""
    return addr.port, ':' in addr.host


def _group(hosts: Sequence[str], port: Optional[int]) -> str:
    """Return addresses of the same port."""
    if len(hosts) == 1:
        return str(MonAddr(hosts[0], port))
    first = _common(hosts)
    last = _common([host[len(first):][::-1] for host in hosts])[::-1]
    middles = [host[len(first):len(host) - len(last)] for host in hosts]
    return str(MonAddr(f'{first}{{{",".join(middles)}}}{last}', port))


def _common(texts: Sequence[str]) -> str:
    """Return the parts that all texts begin with, each with its dot."""
    shared = os.path.commonprefix(list(texts))
    return shared[:max(shared.rfind('.'), shared.rfind(':')) + 1]
