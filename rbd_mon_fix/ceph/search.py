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

"""A search for the monitors of clusters, during which other work goes on."""

from __future__ import annotations

from concurrent import futures
import contextlib
from typing import Sequence

from rbd_mon_fix.ceph import backends as ceph_backends
from rbd_mon_fix.ceph import discovery
from rbd_mon_fix.clients import commands


class Search(contextlib.AbstractContextManager['Search']):
    """Asks clusters for their monitors, from the moment that it is made.

    At its end, commands are killed whose answers nobody has waited for.

    :param confs: the ceph.confs by which to ask
    """

    def __init__(self, confs: Sequence[ceph_backends.ClusterConf]):
        self._running = commands.Running()
        pool = futures.ThreadPoolExecutor(max(1, len(confs)))
        self._begun = [
            pool.submit(discovery.from_cluster, conf, self._running)
            for conf in confs]
        pool.shutdown(wait=False)  # its threads end with their work

    def __exit__(self, *exc_info: object) -> None:
        self._running.end()
        futures.wait(self._begun)

    def found(self) -> list[discovery.Discovery]:
        """Wait for the clusters, and return what each ceph.conf leads to.

        :raises OSError: this process has too many open files, for example
        """
        return [each.result() for each in self._begun]
