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

"""Installation and update of the libvirt hook of this host."""

from __future__ import annotations

import datetime
from typing import Collection, Sequence

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.hook import installation
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.plan import Plan

LOG = logging.getLogger(__name__)


class Lesson:
    """The disks that a run has seen, as sightings for the hook.

    Equal disks make one sighting, so a whole cloud takes little memory.
    """

    def __init__(self) -> None:
        self.sightings: set[knowledge.Sighting] = set()

    def add(self, plan: Plan) -> None:
        """Add the disks of a plan."""
        self.sightings.update(
            knowledge.Sighting(copy.cluster, copy.disk.monitors,
                               knowledge.Identity.of(copy.disk))
            for copy in plan.copies if copy.cluster and copy.disk)


def feed(context: contexts.Context, lesson: Lesson) -> None:
    """Update the hook of this host, if there is one.

    The run has already done its work, so errors are logged, not raised.
    """
    hook = installed(context)
    try:
        if hook.installed:
            _teach(hook, _reliable(context), lesson.sightings)
    except exceptions.RbdMonFixError as error:
        LOG.warning('The libvirt hook could not be updated. %s', error)


def installed(context: contexts.Context) -> installation.Installation:
    """Return the hook in the folder that the config names."""
    return installation.Installation(context.conf.hook.dir)


def install_hook(context: contexts.Context) -> None:
    """Install the hook, with the sightings of earlier runs.

    :raises RbdMonFixError: the hook cannot be installed; if the right
        monitors cannot be determined, nothing was changed
    """
    sightings = {
        knowledge.Sighting(edit.cluster, edit.old + edit.new,
                           knowledge.Identity.of(edit) if edit.user else None)
        for run in sessions.journal(context).runs() for entry in run.entries
        for edit in entry.edits}
    clusters = _reliable(context)
    hook = installed(context)
    hook.install()
    _teach(hook, clusters, sightings)


def remove_hook(context: contexts.Context) -> None:
    """Remove the hook.

    :raises RbdMonFixError: the hook cannot be removed, or is foreign
    """
    installed(context).remove()


def _teach(hook: installation.Installation, clusters: Sequence[Cluster],
           sightings: Collection[knowledge.Sighting]) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    hook.teach(lambda before: knowledge.learn(clusters, sightings, before),
               now.isoformat(timespec='seconds'))


def _reliable(context: contexts.Context) -> list[Cluster]:
    """Return the clusters whose right monitors are known and answer."""
    answering = context.answering
    return [cluster for cluster in context.clusters
            if cluster.monmap.monitors and (
                answering is None
                or any(addr in answering
                       for monitor in cluster.monmap.monitors
                       for addr in monitor.addrs))]
