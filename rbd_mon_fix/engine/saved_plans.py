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

"""Plans that are saved, and carried out later."""

from __future__ import annotations

import datetime
from importlib import metadata
from typing import Iterable, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import digest as digests
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model.saved_plan import PlannedChange
from rbd_mon_fix.model.saved_plan import PlannedCluster
from rbd_mon_fix.model.saved_plan import PlannedScope
from rbd_mon_fix.model.saved_plan import SavedPlan
from rbd_mon_fix.state import plan_file


def read_plan(path: str) -> SavedPlan:
    """Read a plan from a file.

    :raises ConfigError: the file cannot be read, is damaged or was edited,
        or was written by another version
    """
    plan = plan_file.read(path)
    if digests.of(plan.changes) != plan.digest:
        raise exceptions.ConfigError(
            f'The plan {path} is damaged or was edited: its digest is not '
            'that of its changes.', plan_file.HINT)
    return plan


def plan_scope(plan: SavedPlan) -> selections.ScanRequest:
    """Return the scan request for the servers and stores of a plan."""
    scope = plan.scope
    return selections.ScanRequest(
        scope.hosts, False, scope.instances, scope.stores, scope.unmanaged)


class Recorder:
    """Keeps the changes of a dry run in order to save them.

    :param path: the file to write; None to keep and to save nothing
    :raises ConfigError: the file cannot be written
    """

    def __init__(self, path: Optional[str]):
        if path is not None:
            plan_file.check_target(path)
        self._path = path
        self._changes: list[PlannedChange] = []

    def keep(self, changes: Iterable[PlannedChange]) -> None:
        """Keep the next changes of the plan."""
        if self._path is not None:
            self._changes += changes

    def save(self, scan: scans.Scan, request: selections.ScanRequest
             ) -> Optional[exceptions.RbdMonFixError]:
        """Save the plan, and return the error if this fails.

        :param scan: the scan that found the changes
        :param request: the request of the scan
        """
        if self._path is None:
            return None
        try:
            plan_file.write(self._path, _made(scan, request, self._changes))
        except exceptions.RbdMonFixError as error:
            return error
        return None


def _made(scan: scans.Scan, request: selections.ScanRequest,
          changes: Sequence[PlannedChange]) -> SavedPlan:
    selection = scan.selection
    # Servers that were asked for may be on a host that was not reached.
    hosts = selection.hosts if selection.instances else tuple(
        host for host in selection.hosts if host not in scan.lost)
    touched = {edit.cluster for change in changes for edit in change.edits}
    return SavedPlan(
        digests.of(changes),
        datetime.datetime.now(datetime.timezone.utc).isoformat(
            timespec='seconds'),
        _version(),
        PlannedScope(hosts, request.stores, selection.instances,
                     selection.unmanaged),
        tuple(PlannedCluster(cluster.name, cluster.fsid,
                             cluster.monmap.addrs)
              for cluster in scan.context.clusters if cluster.name in touched),
        tuple(changes))


def _version() -> str:
    try:
        return metadata.version('rbd-mon-fix')
    except metadata.PackageNotFoundError:
        return 'not installed'
