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

"""Draw the screens of sample runs, which the tests compare.

``python -m tests.unit.report.reports`` renews the files in ``runs``, after
a change that is wanted.
"""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
from typing import Any, Callable, Iterator, Sequence
from unittest import mock

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import view as views
from tests.unit.report import sample

FOLDER = pathlib.Path(__file__).parent / 'runs'
WIDTHS = (80, 160)
RUN = '20261126-010612-87b7'
VIEW = views.View(
    shared=('--config-file', '/etc/rbd-mon-fix/site-a.conf'),
    scope=('--host', 'cmp1'))
FLEET = views.View(scope=('--all-hosts',))
HARD = (Operation.START, Operation.HARD_REBOOT)
SOFT = (Operation.SOFT_REBOOT,)


def addresses(network: str, last: Sequence[int]) -> tuple[MonAddr, ...]:
    return tuple(MonAddr(f'{network}.{each}', 6789) for each in last)


OLD, NEW = addresses('192.0.2', (11, 12, 13)), addresses('192.0.2', (
    21, 22, 23))
CLUSTER = Cluster(
    'ceph-6d0fd8d5', '6d0fd8d5-0000-4000-8000-000000000000', Source.MON_DUMP,
    MonMap(tuple(Monitor(name, addr, (addr,))
                 for name, addr in zip('def', NEW))), (),
    former=tuple(FormerMonitor(name, (addr,), 1, 4, '2026-11-20T01:02:03')
                 for name, addr in zip('abc', OLD)))
UNKNOWN = Evidence(EvidenceKind.NOT_FOUND, (
    '198.51.100.1:6789 is in no known monmap of ceph-6d0fd8d5, epochs 1 to '
    '7. If it was a monitor, state it with former_monitors.'))


def copy(number: int, store: str, device: str = 'vda', host: str = 'cmp1',
         name: str = '', vm_state: str = 'active', task_state: Any = None,
         **fields: Any) -> Copy:
    server = sample.instance(
        number * 0x1A2B3C, host=host, name=name or f'web-{number}',
        vm_state=vm_state, task_state=task_state)
    known = {'state': State.STALE, 'monitors': OLD, 'desired': NEW,
             'cluster': CLUSTER.name, 'device': device, **fields}
    return sample.copy(server, store, **known)


def stale(number: int, **fields: Any) -> list[Copy]:
    return [
        *(copy(number, store, device, breaks=HARD, **fields)
          for store in ('nova-bdm', 'cinder-attachment')
          for device in ('vda', 'vdb')),
        *(copy(number, 'domain', device, breaks=SOFT, **fields)
          for device in ('vda', 'vdb'))]


def well(number: int, **fields: Any) -> list[Copy]:
    return [copy(number, 'domain', state=State.CURRENT, monitors=NEW,
                 **fields)]


def busy(number: int, **fields: Any) -> list[Copy]:
    return [copy(number, 'nova-bdm', breaks=HARD, skip=SkipReason.BUSY,
                 task_state='powering-on', **fields)]


def unknown(number: int, **fields: Any) -> list[Copy]:
    return [copy(number, 'domain', state=State.UNKNOWN_CLUSTER,
                 skip=SkipReason.UNKNOWN_CLUSTER, cluster=None, desired=(),
                 monitors=addresses('198.51.100', (1,)), note=UNKNOWN.detail,
                 evidence=UNKNOWN, **fields)]


SERVERS = [stale(1, name='db-1'), stale(2, vm_state='stopped'), well(3)]
MIXED = [*SERVERS, busy(4), unknown(5, name='a-server-with-a-very-long-name'
                                    '-that-nobody-would-want-to-type')]
RESTORED = [[dataclasses.replace(
    each, state=State.CURRENT, desired=OLD, breaks=(),
    breaks_after=each.breaks, restore=True,
    disk=each.disk and dataclasses.replace(each.disk, monitors=NEW))
    for each in copies] for copies in SERVERS[:2]]
FINDINGS = [
    Finding(FindingKind.POOL, 'cmp1', f'storage pool {name}', OLD, NEW,
            'Correct the hosts with "virsh pool-edit".')
    for name in ('vms', 'images', 'volumes')]
HOSTS = [server for number in range(1, 31) for server in (
    stale(4 * number, host=f'cmp{number:03}'),
    *(stale(4 * number + each, host=f'cmp{number:03}')
      for each in range(1, 1 + number % 3)),
    well(4 * number + 3, host=f'cmp{number:03}'))]
LOST: dict[str, exceptions.RbdMonFixError] = {
    'cmp117': exceptions.Unreachable('Cannot connect to libvirt at '
                                     'qemu+tls://cmp117/system: refused.'),
    'cmp203': exceptions.Unreachable('No answer within 10 s.'),
    'cmp204': exceptions.Unreachable('No answer within 10 s.')}


def done(servers: list[list[Copy]], fail: int = 0) -> dict[Any, Any]:
    outcomes = sample.outcomes([each for copies in servers
                                for each in copies])
    for locator in list(outcomes)[:fail]:
        outcomes[locator] = dataclasses.replace(
            outcomes[locator], verdict=Verdict.CONFLICT,
            reason='The record has changed since it was read.')
    return outcomes


@dataclasses.dataclass(frozen=True)
class Screen:
    """A run whose report is drawn."""

    kind: schema.Kind
    servers: list[list[Copy]]
    outcomes: Any = None
    view: views.View = VIEW
    run: Any = None
    lost: Any = dataclasses.field(default_factory=dict)
    findings: Sequence[Finding] = ()
    stranded: int = 0
    error: Any = None
    digest: str = ''
    undoes: Any = None

    def draw(self, stream: Any) -> None:
        report = factory.report('table', stream, self.kind, self.view)
        report.clusters((CLUSTER,), frozenset(NEW))
        for copies in self.servers:
            server = copies[0].instance
            report.server(server.host, server, copies, self.outcomes)
        for found in self.findings:
            report.finding(found)
        summary = sample.summary(self.servers, self.outcomes,
                                 len(self.findings))
        summary.stranded += [
            copies[0].instance.uuid
            for copies in self.servers[:self.stranded]]
        report.close(ending.Ending(summary, self.run, self.lost, self.error,
                                   self.digest, undoes=self.undoes))


SCREENS: dict[str, Screen] = {
    'status': Screen(schema.Kind.STATUS, SERVERS),
    'status-mixed': Screen(schema.Kind.STATUS, MIXED, findings=FINDINGS,
                           stranded=1),
    'status-all': Screen(schema.Kind.STATUS, SERVERS, view=dataclasses.replace(
        VIEW, everything=True)),
    'status-in-order': Screen(schema.Kind.STATUS, [well(1), well(2)]),
    'status-empty': Screen(schema.Kind.STATUS, []),
    'status-verbose': Screen(schema.Kind.STATUS, SERVERS,
                             view=dataclasses.replace(VIEW, verbose=True)),
    'status-fleet': Screen(schema.Kind.STATUS, HOSTS, view=FLEET, lost=LOST),
    'dry-run': Screen(schema.Kind.DRY_RUN, MIXED, digest='3f9c-11aa'),
    'dry-run-refused': Screen(schema.Kind.DRY_RUN, SERVERS,
                              error=exceptions.Refused('No.')),
    'refresh': Screen(schema.Kind.REFRESH, SERVERS, done(SERVERS), run=RUN),
    'refresh-incomplete': Screen(schema.Kind.REFRESH, MIXED, done(SERVERS, 1),
                                 run=RUN),
    'refresh-fleet': Screen(schema.Kind.REFRESH, HOSTS, done(HOSTS, 3), FLEET,
                            RUN, LOST),
    'rollback': Screen(schema.Kind.ROLLBACK, RESTORED, done(RESTORED),
                       run=RUN),
    'rollback-dry-run': Screen(schema.Kind.DRY_RUN, RESTORED,
                               digest='3f9c-11aa', undoes=RUN),
}


def text(screen: Screen, width: int,
         stream: Callable[[], io.StringIO] = io.StringIO) -> str:
    """Return a screen of a width."""
    with mock.patch.dict(os.environ, COLUMNS=str(width)):
        screen.draw(drawn := stream())
    return drawn.getvalue()


def files() -> Iterator[tuple[pathlib.Path, Screen, int]]:
    """Yield the file, the screen and the width of each drawing."""
    for name, screen in SCREENS.items():
        for width in WIDTHS:
            yield FOLDER / f'{name}-{width}.txt', screen, width


if __name__ == '__main__':
    for path, screen, width in files():
        path.write_text(text(screen, width))
