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

"""The clients of a cluster, as the cluster itself reports them."""

from __future__ import annotations

import json
import re
from typing import Callable

Run = Callable[..., str]


def strays(run: Run) -> set[int]:
    """Return the clients that have an image open but no monitor.

    A client without a monitor never learns of new monitors.

    :param run: runs one of Ceph's programs as its administrator
    """
    return watching(run) - known(run)


def watching(run: Run) -> set[int]:
    """Return the clients that have an image open."""
    told = json.loads(run('ceph', 'tell', 'osd.0', 'dump_watchers'))
    return {watcher['entity_name']['num'] for watcher in told}


def of_image(run: Run, image: str) -> int:
    """Return the client that has an image open and a monitor.

    An OSD names a client that was killed or frozen, too, until it has not
    answered for half a minute (osd_client_watch_timeout).

    :param image: ``POOL/NAME``
    :raises ValueError: there is none, or more than one
    """
    told = json.loads(run('rbd', 'status', '--format', 'json', image))
    found, = {watcher['client'] for watcher in told['watchers']} & known(run)
    return found


def known(run: Run) -> set[int]:
    """Return the clients that have a session with a monitor."""
    told = run('ceph', 'tell', 'mon.*', 'sessions')
    # A client that looks for a monitor is listed before it is authenticated,
    # and has no number in its name until it was authenticated twice.
    return set(map(int, re.findall(
        r'"authenticated": true,\s+"global_id": (\d+)', told)))
