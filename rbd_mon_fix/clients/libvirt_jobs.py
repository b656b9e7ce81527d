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

"""Calls that wait for a job of libvirt on a domain.

A call such as an attach is a job, and ends only when QEMU has answered.
Meanwhile, other calls for the domain wait 30 seconds
(src/conf/virdomainjob.c, ``virDomainObjBeginJob``): ``blockJobInfo``, and in
newer versions ``XMLDesc`` (src/qemu/qemu_driver.c, ``qemuDomainGetXMLDesc``).
``controlInfo`` tells of a job without waiting.
"""

from __future__ import annotations

import time
from typing import Callable, TypeVar

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt_connection
from rbd_mon_fix.clients import waiting

# Domains with a job to read at once. A call that waits takes one of the five
# calls of a client, and a worker of libvirtd.
AT_ONCE = 2

# Seconds until a call that has not returned is looked into.
_LIMIT = 3.0
# Seconds between two looks at a job that has just begun: 0.5 in total. The
# jobs of a sound domain, such as a query of statistics, take milliseconds.
_PAUSES = (0.02,) * 25

R = TypeVar('R')


class Busy(libvirt_connection.Declined):
    """A job runs on a domain, and libvirt waits for its end."""


class Jobs:
    """The jobs on the domains of a libvirt; several threads may call it.

    :param at_work: tells whether a job runs on a domain
    """

    def __init__(self, at_work: Callable[[str], bool]):
        self._at_work = at_work
        self._first: dict[str, bool] = {}
        self._stuck: set[str] = set()

    def found(self, uuid: str) -> bool:
        """Return whether a job ran on a domain when it was first asked."""
        if uuid not in self._first:
            self._first[uuid] = self._runs(uuid)
        return self._first[uuid]

    def answer(self, uuid: str, call: Callable[[], R]) -> R:
        """Return the answer of a call that may wait for a job on a domain.

        A domain whose job does not end gets no further call. Once there is
        such a domain, another with a job gets none either: at the next one,
        time and calls would be spent in vain.

        :raises Busy: libvirt waits for the end of a job
        """
        if uuid not in self._stuck and not (
                self._stuck and self._goes_on(uuid)):
            result = waiting.begun(call)
            while waiting.returned(result, _LIMIT) or not self._runs(uuid):
                if result.done():
                    return result.result()
        self._stuck.add(uuid)
        raise Busy('this guest is busy with a job of libvirt: wait for the '
                   'job or abort it, then run this again')

    def _goes_on(self, uuid: str) -> bool:
        """Return whether a job runs on a domain, and goes on for a while."""
        for pause in () if self._first.get(uuid) else _PAUSES:
            if not self._runs(uuid):
                return False
            time.sleep(pause)
        return self._runs(uuid)

    def _runs(self, uuid: str) -> bool:
        try:
            return self._at_work(uuid)
        except (exceptions.Gone, libvirt_connection.Declined):
            return False  # the call itself tells what is wrong
