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

"""Tell stranded watchers of images from those that are just connecting.

A client looks for another monitor whenever its own goes away, and an image
may be closed between two questions. Only a watcher that lacks a session in
two readings, some seconds apart, therefore counts.
"""

from __future__ import annotations

from typing import Collection, Optional

from rbd_mon_fix.model.census import Image
from rbd_mon_fix.model.census import Reading
from rbd_mon_fix.model.census import Watcher
from rbd_mon_fix.model.census import WatcherReport
from rbd_mon_fix.model.guest import GuestState


def suspects(reading: Reading, leaving: Collection[str]) -> frozenset[Watcher]:
    """Return the watchers without a session on a monitor that stays."""
    return frozenset(watcher for watcher in reading.watchers
                     if not reading.monitors(watcher).difference(leaving))


def suspicious(reading: Reading, leaving: Collection[str]) -> list[Image]:
    """Return the images of the suspects, which the second reading reads."""
    return sorted({each.image for each in suspects(reading, leaving)})


def judge(first: Reading, second: Optional[Reading],
          leaving: Collection[str]) -> tuple[WatcherReport, ...]:
    """Return the watchers of both readings with their state.

    A suspect of the first reading that no longer watches in the second has
    closed the image, and is left out.

    :param second: the reading of the suspicious images; None if there are
        none
    :param leaving: the names of the monitors that will be removed
    """
    doubtful = suspects(first, leaving)
    reports = [_report(watcher, (first,), leaving)
               for watcher in first.watchers - doubtful]
    if second is not None:
        reports += [_report(watcher, (first, second), leaving)
                    for watcher in doubtful if watcher in second.watchers
                    or watcher.image in second.unread]
    return tuple(sorted(reports, key=lambda each: each.watcher))


def _report(watcher: Watcher, readings: Collection[Reading],
            leaving: Collection[str]) -> WatcherReport:
    seen = frozenset[str]().union(
        *(reading.monitors(watcher) for reading in readings))
    ready = bool(seen.difference(leaving))
    doubtful = any(watcher.image in reading.unread
                   or not {*leaving}.issuperset(reading.silent)
                   for reading in readings)
    state = (GuestState.FOLLOWING if seen else
             GuestState.UNKNOWN if doubtful else GuestState.STRANDED)
    return WatcherReport(watcher, tuple(sorted(seen)), state, ready)
