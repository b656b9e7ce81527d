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

"""The watch for events that the threads of one connection share."""

from __future__ import annotations

import contextlib
import threading
from typing import Callable, Iterator, Optional

from rbd_mon_fix.clients import libvirt_events
from rbd_mon_fix.clients import waiting


class SharedWatch:
    """A watch that lasts from the first thread to the last.

    Libvirt refuses a second one of a connection, "already tracked"
    (src/conf/object_event.c, ``virObjectEventCallbackListAddID``).

    :param make: returns a watch that has not been started
    """

    def __init__(self, make: Callable[[], libvirt_events.DomainWatch]):
        self._make = make
        self._watch: Optional[libvirt_events.DomainWatch] = None
        self._threads = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def begun(self) -> Iterator[libvirt_events.DomainWatch]:
        """Yield the watch, which has been started.

        :raises libvirtError: libvirt sends no events
        """
        with self._lock:
            watch = self._watch or self._started()
            self._watch = watch
            self._threads += 1
        try:
            yield watch
        finally:
            with self._lock:
                self._threads -= 1
                if not self._threads:
                    self._watch = None
                    _stop(watch)

    def _started(self) -> libvirt_events.DomainWatch:
        watch = self._make()
        try:
            waiting.answer(watch.start)
        except BaseException:
            _stop(watch)
            raise
        return watch


def _stop(watch: libvirt_events.DomainWatch) -> None:
    with contextlib.suppress(waiting.Silent):
        waiting.answer(watch.stop, waiting.GRACE)
