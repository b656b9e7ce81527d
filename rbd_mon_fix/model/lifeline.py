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

"""Old addresses that bring stranded clients back, and how to use them."""

from __future__ import annotations

import dataclasses
import enum
from typing import Optional


class WayKind(str, enum.Enum):
    """How an old address is made to answer."""

    SET_ADDRS = 'set-addrs'
    TEMPORARY_MONITOR = 'temporary-monitor'
    PUBLIC_BIND_ADDR = 'public-bind-addr'


@dataclasses.dataclass(frozen=True)
class LifelineWay:
    """The commands that make an old address answer, and those that end it.

    :param monitor: the name of the monitor that takes the address
    """

    kind: WayKind
    monitor: str
    commands: tuple[str, ...]
    back: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Lifeline:
    """An old address to be used again.

    :param host: the address without a port
    :param endpoints: the addresses to listen on, as ``ceph mon set-addrs``
        takes them
    :param name: the name of the last monitor that had the address
    :param epochs: the candidate epochs that have it
    :param ways: the first is to be preferred
    """

    host: str
    endpoints: tuple[str, ...]
    name: str
    epochs: tuple[int, ...]
    ways: tuple[LifelineWay, ...] = ()


@dataclasses.dataclass(frozen=True)
class LifelinePlan:
    """The old addresses that reach every stranded client of a cluster.

    :param candidates: the epochs of the monmap that a stranded client may
        have: those without any present address
    :param taken: old addresses at which somebody's monitor answers today
    :param unreached: the candidates of which all addresses are taken
    :param unknown: the epochs whose monmaps are not known
    :param is_smallest: whether no smaller set exists for certain
    """

    candidates: tuple[int, ...]
    lifelines: tuple[Lifeline, ...]
    taken: tuple[str, ...]
    unreached: tuple[int, ...]
    unknown: tuple[int, ...]
    is_smallest: bool


@dataclasses.dataclass(frozen=True)
class ClusterLifelines:
    """The stranded clients of a cluster, and the plan for them.

    :param cluster: its name
    :param monitors: the names of its present monitors
    """

    cluster: str
    fsid: Optional[str]
    monitors: tuple[str, ...]
    stranded: int
    plan: LifelinePlan
