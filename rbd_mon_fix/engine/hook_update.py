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

import dataclasses
import datetime
from typing import Collection, Iterable, Mapping, Optional

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import monitors
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.hook import installation
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonAddr

LOG = logging.getLogger(__name__)

_ORIGINS = {Source.CEPH_CONF: 'ceph.conf',
            Source.MONITORS_FILE: 'a monitors file'}


@dataclasses.dataclass(frozen=True)
class Untaught:
    """A cluster of which the hook corrects no disks, and the reason."""

    cluster: Cluster
    reason: str

    def __str__(self) -> str:
        return (f'The libvirt hook does not correct disks of cluster '
                f'{self.cluster.name}: {self.reason}.')


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known for the hook now.

    :param clusters: clusters that listed their monitors and answer
    :param untaught: the other clusters of the config
    """

    clusters: tuple[Cluster, ...]
    untaught: tuple[Untaught, ...]

    def after(self, before: Iterable[knowledge.Known]
              ) -> tuple[knowledge.Known, ...]:
        """Return what the hook should know.

        :param before: the clusters that it knows so far
        """
        return knowledge.learn(
            self.clusters, [each.cluster for each in self.untaught], before)


def feed(context: contexts.Context) -> None:
    """Update the hook of this host, if there is one.

    A run does so before its first write: whatever ends the run, the hook
    knows what it was to replace. Errors are logged, not raised: the hook is
    not what the run is for.
    """
    hook = installed(context)
    failure = None
    try:
        if hook.installed:
            _teach(hook, gather(context))
        if hook.state is installation.ScriptState.OUTDATED:
            LOG.warning("The libvirt hook is outdated: run 'hook install' to "
                        'replace it.')
    except exceptions.RbdMonFixError as error:
        failure = error
    if failure:
        LOG.warning('The libvirt hook could not be updated. %s', failure)


def installed(context: contexts.Context) -> installation.Installation:
    """Return the hook in the folder that the config names."""
    return installation.Installation(context.conf.hook.dir)


def install_hook(context: contexts.Context) -> None:
    """Install the hook, with the addresses of all clusters.

    :raises RbdMonFixError: the hook cannot be installed; if the right
        monitors cannot be determined, nothing was changed
    """
    facts = gather(context)
    hook = installed(context)
    hook.install()
    _teach(hook, facts)


def remove_hook(context: contexts.Context) -> None:
    """Remove the hook.

    :raises RbdMonFixError: the hook cannot be removed, or is foreign
    """
    installed(context).remove()


def gather(context: contexts.Context) -> Facts:
    """Query the clusters and the journal for what the hook should know.

    :raises ConfigError: the config names no cluster, or is unusable; or the
        journal cannot be read
    :raises Unreachable: no monitors are known, and no cluster answers
    """
    context.histories.complete()
    replaced = knowledge.replaced(sessions.journal(context).summaries())
    clusters = tuple(_with_replaced(each, replaced)
                     for each in context.histories.clusters)
    answering = context.answering or frozenset()
    if answering:
        clusters = monitors.greeted(clusters)
    reasons = [(each, _reason(each, answering)) for each in clusters]
    return Facts(tuple(each for each, reason in reasons if not reason),
                 tuple(Untaught(each, reason) for each, reason in reasons
                       if reason))


def _with_replaced(cluster: Cluster, replaced: Mapping[
        Optional[str], frozenset[MonAddr]]) -> Cluster:
    """Add what runs replaced to what was stated."""
    return dataclasses.replace(cluster, stated=tuple(dict.fromkeys(
        (*cluster.stated, *replaced.get(cluster.fsid, ())))))


def _reason(cluster: Cluster, answering: Collection[MonAddr]) -> str:
    """Return why the hook must not rely on the monitors; '' if it may."""
    if cluster.is_claim:
        return (f'its monitors come from {_ORIGINS[cluster.source]}, '
                'not from the cluster')
    if not cluster.monmap.monitors:
        return 'its monitors are unknown'
    if not any(addr in answering for monitor in cluster.monmap.monitors
               for addr in monitor.addrs):
        return 'none of its monitors answers'
    return ''


def _teach(hook: installation.Installation, facts: Facts) -> None:
    for each in facts.untaught:
        LOG.warning('%s', each)
    now = datetime.datetime.now(datetime.timezone.utc)
    hook.teach(facts.after, now.isoformat(timespec='seconds'))
