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

"""The smallest set of old addresses that reaches every stranded client.

A client takes each new monmap from a monitor of the one that it has. It is
stranded if it has a monmap without any present monitor. Which one cannot be
seen from outside, and the addresses that it was launched with do not tell:
it followed for a while. So every monmap without a present address must have
an address that answers.
"""

from __future__ import annotations

import ipaddress
from typing import AbstractSet, Collection, Iterator, Sequence

from rbd_mon_fix.core import lifeline_ways
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.model.lifeline import Lifeline
from rbd_mon_fix.model.lifeline import LifelinePlan
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap

# Steps of a search; beyond that, a set that may not be the smallest.
_STEPS = 100_000

Hosts = AbstractSet[str]


def plan(history: MonHistory, present: MonMap,
         greeting: Collection[MonAddr]) -> LifelinePlan:
    """Return the old addresses to use again, and how.

    :param history: all known epochs, the present one last
    :param greeting: the old addresses at which a monitor answers today; it
        is another cluster's, or traffic to it is redirected
    """
    candidates = [each for each in history.epochs
                  if _is_candidate(each, present)]
    occupied = {addr.host for addr in greeting}
    usable = {each.epoch: _hosts(each.monmap) - occupied
              for each in candidates}
    wanted = [hosts for hosts in usable.values() if hosts]
    chosen, is_smallest = smallest(wanted)
    return LifelinePlan(
        tuple(usable), lifeline_ways.add([
            _lifeline(host, candidates) for host in chosen], present),
        tuple(sorted({host for each in candidates
                      for host in _hosts(each.monmap) & occupied},
                     key=_order)),
        tuple(epoch for epoch, hosts in usable.items() if not hosts),
        _unknown(history), is_smallest)


def smallest(sets: Sequence[Hosts]) -> tuple[tuple[str, ...], bool]:
    """Return a set of hosts that has one of each of some sets of hosts.

    Of several, it is the one whose hosts are in most of the sets, then in
    the later ones, then the one with the lowest addresses.

    :param sets: sets that are not empty, in the order of time
    :returns: the hosts, and whether there is no smaller set for certain
    """
    needed = [each for each in set(map(frozenset, sets))
              if not any(other < each for other in sets)]
    found = _greedy(needed, sets)
    width = max(map(len, needed), default=0)
    is_bounded = width ** len(found) <= _STEPS
    if is_bounded:
        size = next(size for size in range(len(found) + 1)
                    if any(True for _ in _hitting(needed, size)))
        found = min(_hitting(needed, size),
                    key=lambda hosts: _preference(hosts, sets))
    return tuple(sorted(found, key=_order)), is_bounded


def _hitting(sets: Sequence[Hosts], size: int) -> Iterator[Hosts]:
    """Yield the sets of at most some hosts that have one of each set."""
    if not sets:
        yield frozenset()
    elif size:
        for host in min(sets, key=len):
            left = [each for each in sets if host not in each]
            for rest in _hitting(left, size - 1):
                yield rest | {host}


def _greedy(needed: Sequence[Hosts], sets: Sequence[Hosts]) -> Hosts:
    """Return a set that has one of each set, but may not be the smallest."""
    found: Hosts = frozenset()
    left = list(needed)
    while left:
        host = max(sorted(frozenset().union(*left), key=_order),
                   key=lambda host: (sum(host in each for each in left),
                                     sum(host in each for each in sets)))
        found |= {host}
        left = [each for each in left if host not in each]
    return found


def _preference(hosts: Hosts, sets: Sequence[Hosts]) -> tuple[object, ...]:
    """Return the sorting key of a set; the lowest is the best."""
    times = [index for index, each in enumerate(sets)
             for host in hosts if host in each]
    return -len(times), -sum(times), sorted(map(_order, hosts))


def _order(host: str) -> tuple[int, int, str]:
    """Return the sorting key of a host."""
    try:
        address = ipaddress.ip_address(host.partition('%')[0])
    except ValueError:
        return 0, 0, host
    return address.version, int(address), host


def _is_candidate(epoch: MonEpoch, present: MonMap) -> bool:
    """Return whether a client with this monmap finds no monitor."""
    return bool(_hosts(epoch.monmap)) and not any(
        present.leads(addr, {}) for monitor in epoch.monmap.monitors
        for addr in monitor.addrs)


def _hosts(monmap: MonMap) -> frozenset[str]:
    return frozenset(addr.host for monitor in monmap.monitors
                     for addr in monitor.addrs if not addr.is_placeholder)


def _lifeline(host: str, candidates: Sequence[MonEpoch]) -> Lifeline:
    having = [each for each in candidates if host in _hosts(each.monmap)]
    monitors = [monitor for each in having for monitor in each.monmap.monitors
                if host in {addr.host for addr in monitor.addrs}]
    endpoints = {lifeline_ways.endpoint(monitor, addr)
                 for monitor in monitors for addr in monitor.addrs
                 if addr.host == host}
    # v2 first, as Ceph itself writes them.
    return Lifeline(host, tuple(sorted(endpoints, reverse=True)),
                    monitors[-1].name, tuple(each.epoch for each in having))


def _unknown(history: MonHistory) -> tuple[int, ...]:
    known = {each.epoch for each in history.epochs}
    return tuple(number for number in range(1, max(known, default=0))
                 if number not in known)
