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

"""What this host uses, and the sections that its ceph.conf should have."""

from __future__ import annotations

import dataclasses
from typing import Iterable, Iterator, Mapping

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import ini
from rbd_mon_fix.ceph import override_block
from rbd_mon_fix.core import shielding
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import shield_conf
from rbd_mon_fix.engine import shield_cover
from rbd_mon_fix.model import secret
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.shield import ShieldPlan

Samples = Mapping[str, tuple[Locator, RbdDisk]]


@dataclasses.dataclass(frozen=True)
class Survey:
    """What this host uses, and what its ceph.conf should say.

    :param host: this machine, as Nova names it
    :param plan: the sections for all users of images or sections
    :param refreshed: the sections for users that have one
    :param samples: one image of each user
    """

    host: str
    conf: shield_conf.ConfText
    plan: ShieldPlan
    refreshed: ShieldPlan
    samples: Samples


def survey(context: contexts.Context) -> Survey:
    """Find the users of this host and their right monitors.

    Every document of the host counts, guests that Nova does not know
    included: an override takes effect on each image of its user.

    :raises ConfigError: the clusters must not be asked, the host is not this
        machine, or the config or the file cannot be used
    :raises Refused: the file is malformed, or its block was edited
    :raises Unreachable: libvirt, a database or every cluster is down
    """
    answering = context.answering
    if answering is None:
        raise exceptions.ConfigError(
            'The shield needs monitors that the cluster itself has listed, '
            'and --offline forbids to ask it.', 'Omit --offline.')
    conf = shield_conf.read(context)
    selection = selections.select(_everything_here(context), context)
    context.local_host.require(selection.hosts, 'shield')
    copies = list(_copies(context, selection))
    used = [(shield_cover.user_of(context, copy), copy.locator, copy.disk,
             copy.cluster) for copy in copies
            if copy.disk and copy.state is not State.UNREADABLE]
    rules = shielding.ShieldRules(
        context.histories.clusters, answering,
        _facts(conf, {user for user, *_ in used if user}),
        tuple(shielding.ImageUse(disk.image, user, cluster)
              for user, _, disk, cluster in used),
        tuple(dict.fromkeys(
            f'{copy.locator.store} of {copy.locator.instance}'
            for copy in copies if copy.state is State.UNREADABLE)))
    return Survey(
        selection.hosts[0], conf, rules.plan(),
        rules.plan(frozenset(each.user for each in conf.before)),
        _samples((user, (where, disk)) for user, where, disk, _ in used
                 if user))


def _everything_here(context: contexts.Context) -> selections.ScanRequest:
    """Return a request for this machine.

    Guests that Nova does not know read the same ceph.conf, and so does a
    machine without Nova.

    :raises ConfigError: Nova knows no compute host that is this machine
    """
    here = selections.this_host(context)
    if here is None and context.inventory.lists_domains:
        here = context.local_host.name
    if here is None:
        raise selections.not_a_host(
            context, 'Run it on a compute host, with [DEFAULT] host in '
            'nova.conf if Nova has another name for it.')
    return selections.ScanRequest(hosts=(here,), unmanaged=True)


def _copies(context: contexts.Context,
            selection: selections.Selection) -> Iterator[Copy]:
    judge = judging.Judge(context, selection)
    scan = scans.Scan(context, selection)
    for batch in scan.batches():
        yield from judge.judge(batch).plan.copies


def _facts(conf: shield_conf.ConfText, users: Iterable[str]
           ) -> shielding.ConfFacts:
    with shield_conf.explained(conf.path):
        return shielding.ConfFacts(
            secret.canonical(ini.parse(conf.text)['global'].get('fsid')),
            conf.before, override_block.others(conf.text),
            frozenset(user for user in users
                      if not override_block.is_safe(user)))


def _samples(disks: Iterable[tuple[str, tuple[Locator, RbdDisk]]]
             ) -> Samples:
    """Return an image of each user, one whose secret is named if possible."""
    found: dict[str, tuple[Locator, RbdDisk]] = {}
    for user, disk in disks:
        if user not in found or (_names_secret(disk[1])
                                 and not _names_secret(found[user][1])):
            found[user] = disk
    return found


def _names_secret(disk: RbdDisk) -> bool:
    return bool(disk.secret_uuid or disk.secret_usage)
