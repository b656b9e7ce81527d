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

"""The example of docs/engine.rst; test_example.py runs it."""

# example begins
import sys

from rbd_mon_fix import engine


class Stale(engine.Silence):
    """Remembers which servers would not start."""

    def __init__(self):
        self.servers = set()

    def server(self, host, instance, copies, outcomes):
        if any(copy.breaks for copy in copies):
            self.servers.add((host, instance.name))


def put_right(config_file, host):
    stale = Stale()
    scan = engine.ScanRequest(hosts=(host,))
    with engine.open_context([config_file]) as context:
        found = engine.status(context, scan, stale)
        print(f'{found.summary.servers} servers, '
              f'{len(stale.servers)} would break', file=sys.stderr)
        done = engine.refresh(
            context, engine.RefreshRequest(scan, max_changes=500))
    if done.error is not None:
        raise done.error
    return done.run
# example ends
