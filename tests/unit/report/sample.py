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

"""Sample servers and copies for reports."""

from __future__ import annotations

from typing import Any, Sequence

from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import view as views

OLD = (MonAddr('10.0.0.1', 6789), MonAddr('fd00::1', 6789))
NEW = (MonAddr('10.1.0.1', 6789), MonAddr('fd01::1', 6789))
START = (Operation.START, Operation.HARD_REBOOT)
SOFT = (Operation.SOFT_REBOOT,)
CLUSTER = Cluster(
    'ceph', 'f51d', Source.MON_DUMP,
    MonMap(tuple(Monitor('', addr, (MonAddr(addr.host, 3300), addr))
                 for addr in NEW)),
    (Backend('cinder', 'ssd', 'volumes', 'cinder', None),))
FINDING = Finding(FindingKind.POOL, 'cmp1', 'storage pool vms', OLD, NEW,
                  'Correct the hosts with "virsh pool-edit".')


def uuid(number: int) -> str:
    return f'{number:08x}-0000-4000-8000-000000000000'


def instance(number: int, **fields: Any) -> Instance:
    known: dict[str, Any] = {'host': 'cmp1', 'name': f'web-{number}',
                             'vm_state': 'stopped', **fields}
    return Instance(uuid(number), **known)


def copy(server: Instance, store: str = 'nova-bdm',
         state: State = State.CURRENT, **fields: Any) -> Copy:
    monitors = NEW if state is State.CURRENT else OLD
    device = fields.pop('device', 'vda')
    known: dict[str, Any] = {
        'disk': RbdDisk(device, 'vms/root', 'cinder', None,
                        fields.pop('monitors', monitors), ''),
        'cluster': 'ceph', 'desired': NEW, **fields}
    return Copy(Locator(store, server.host, server.uuid, '7'), server,
                device=device, state=state, **known)


def current(number: int, **fields: Any) -> list[Copy]:
    server = instance(number, **fields)
    return [copy(server, store)
            for store in ('cinder-attachment', 'nova-bdm', 'domain')]


def stale(number: int, **fields: Any) -> list[Copy]:
    server = instance(number, **fields)
    return [copy(server, 'cinder-attachment'),
            copy(server, 'nova-bdm', State.STALE, breaks=START),
            copy(server, 'domain', State.STALE, breaks=SOFT)]


def busy(number: int, **fields: Any) -> list[Copy]:
    server = instance(number, task_state='rebooting', **fields)
    return [copy(server, 'nova-bdm', State.STALE, breaks=START,
                 skip=SkipReason.BUSY, note='Nova is at work on it.')]


def unreadable(number: int, **fields: Any) -> list[Copy]:
    server = instance(number, **fields)
    return [copy(server, 'nova-bdm', State.UNREADABLE, disk=None,
                 cluster=None, desired=(), skip=SkipReason.UNREADABLE,
                 note='It is no JSON.')]


def outcomes(copies: list[Copy], verdict: Verdict = Verdict.FIXED,
             reason: str = '') -> dict[Locator, Outcome]:
    return {each.locator: Outcome(each.locator, verdict, reason)
            for each in copies if each.due}


def summary(servers: list[list[Copy]], done: Outcomes = None,
            findings: int = 0) -> Summary:
    counted = Summary()
    for copies in servers:
        counted.add(copies, done)
    counted.findings = findings
    return counted


def written(fmt: str, stream: Any, kind: schema.Kind,
            servers: list[list[Copy]], done: Outcomes = None,
            run: Any = None, clusters: Sequence[Cluster] = (CLUSTER,),
            answering: Any = frozenset(NEW),
            findings: Sequence[Finding] = (), verbose: bool = False) -> None:
    """Write a whole report to a stream."""
    report = factory.report(fmt, stream, kind, views.View(verbose))
    report.clusters(clusters, answering)
    for copies in servers:
        server = copies[0].instance
        report.server(server.host, server, copies, done)
    for found in findings:
        report.finding(found)
    report.close(ending.Ending(
        summary(servers, done, len(findings)), run,
        digest='3f9c-11aa' if kind is schema.Kind.DRY_RUN else ''))
