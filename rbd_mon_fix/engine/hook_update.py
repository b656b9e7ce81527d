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

"""Telling the libvirt hook of this host which monitors are right."""

from __future__ import annotations

import datetime

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import execution
from rbd_mon_fix.hook import installation
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.plan import Plan

LOG = logging.getLogger(__name__)


def feed(site: contexts.Context, plan: Plan) -> None:
    """Tell the hook of this host, if it has one, what a run has learnt.

    The run has done its work by then, so trouble here is said, not raised.
    """
    hook = installation.Installation(site.conf.hook.dir)
    try:
        if hook.installed:
            _teach(hook, _reliable(site), [
                knowledge.Sighting(copy.cluster, copy.disk.monitors,
                                   knowledge.Identity.of(copy.disk))
                for copy in plan.copies if copy.cluster and copy.disk])
    except exceptions.RbdMonFixError as error:
        LOG.warning('The libvirt hook was not told of the monitors. %s',
                    error)


def install(site: contexts.Context, hook: installation.Installation) -> None:
    """Put the hook there, knowing what earlier runs have learnt.

    :raises RbdMonFixError: it cannot be; where the right monitors cannot be
        learnt, nothing was changed
    """
    sightings = [
        knowledge.Sighting(edit.cluster, edit.old + edit.new,
                           knowledge.Identity.of(edit) if edit.user else None)
        for run in execution.journal(site).runs() for entry in run.entries
        for edit in entry.edits]
    clusters = _reliable(site)
    hook.install()
    _teach(hook, clusters, sightings)


def _teach(hook: installation.Installation, clusters: list[Cluster],
           sightings: list[knowledge.Sighting]) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    hook.teach(lambda before: knowledge.learn(clusters, sightings, before),
               now.isoformat(timespec='seconds'))


def _reliable(site: contexts.Context) -> list[Cluster]:
    """Return the clusters whose right monitors are known, and answer."""
    return [cluster for cluster in site.clusters
            if cluster.monmap.monitors and (
                site.answering is None
                or any(addr in site.answering
                       for monitor in cluster.monmap.monitors
                       for addr in monitor.addrs))]
