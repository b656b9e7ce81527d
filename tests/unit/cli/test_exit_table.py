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

"""Each cell of the table of exit codes in docs/reference.rst."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import pathlib
import re
from typing import Any, Callable, Iterator, Optional

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.cli import check
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import guests
from rbd_mon_fix.cli import monitors
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from rbd_mon_fix.cli import status
from rbd_mon_fix.cli import verify
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import processes
from rbd_mon_fix.state import locks
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

REFERENCE = pathlib.Path(__file__).parents[3] / 'docs' / 'reference.rst'
COMMANDS: dict[str, tuple[Any, dict[str, Any]]] = {
    'status': (status, {}), 'dry run': (refresh, {'dry_run': True}),
    'refresh': (refresh, {}), 'verify': (verify, {}),
    'guests': (guests, {'store': ['domain']}), 'monitors': (monitors, {}),
    'check': (check, {'textfile': None}), 'rollback': (rollback, {})}

RIGHT = [addr.host for addr in memory.addrs(memory.NEW)]
OLD = list(places.OLD)
FOREIGN = ['192.0.2.99']
CLUSTER = memory.cluster(
    former=f'{memory.OLD},[fd00::3]:6789', fsid=worlds.FSID)
POOL = '''<pool type='rbd'><name>p</name><source>
  <host name='10.0.0.1' port='6789'/><name>vms</name>
  <auth type='ceph' username='cinder'><secret uuid='S'/></auth>
</source></pool>'''


class Case:
    """One deployment: server 1 on this machine, server 9 on cmp9.

    A refresh has corrected all copies when a scenario begins.

    ``cluster`` replaces the clusters of the config, unless it is None.
    ``answering`` are the monitors that answer. ``peers`` are the connections
    of each running guest, by server. ``hosts`` and ``fields`` are arguments
    of the command.
    """

    def __init__(self, world: worlds.World, monkeypatch: pytest.MonkeyPatch,
                 stack: contextlib.ExitStack):
        self.world = world
        self.patch = monkeypatch
        self.stack = stack
        self.cluster: Optional[Any] = CLUSTER
        self.answering = frozenset(memory.addrs(memory.NEW))
        self.peers: dict[int, Any] = {}
        self.hosts: tuple[str, ...] = ('cmp1',)
        self.fields: dict[str, Any] = {}
        world.write_nova_conf(host='cmp1',
                              instances_path=str(world.folder / 'none'))
        for server, host in ((1, 'cmp1'), (9, 'cmp9')):
            world.add(server, host)
        here = world.domains('cmp1')
        here.secret_value = lambda uuid: b'key'
        monkeypatch.setattr(client, 'answering', lambda addrs: (
            self.answering & frozenset(addrs)))
        monkeypatch.setattr(open_check, 'prove', self._prove)
        monkeypatch.setattr(processes, 'running', self._running)
        self.run_id = self._corrected()

    def write(self, server: int, hosts: list[str], *stores: str) -> None:
        """Let copies of a server have these monitors."""
        if 'nova-bdm' in stores or not stores:
            self.world.nova.tables.update(
                'block_device_mapping', 'instance_uuid', memory.uuid(server),
                connection_info=self.world.nova.text(
                    server, hosts=hosts, ports=['6789'] * len(hosts)))
        if 'domain' in stores or not stores:
            self.domains.texts[memory.uuid(server)] = self.xml(server, hosts)

    def xml(self, server: int, hosts: list[str]) -> str:
        """Return the XML of a domain with these monitors."""
        text = self.domains.text(server)
        old = re.findall(r'<host [^>]*/>', text)
        new = [old[0].replace(OLD[0], host) for host in hosts]
        start, end = text.index(old[0]), text.index(old[-1]) + len(old[-1])
        return text[:start] + ''.join(new) + text[end:]

    def runs(self, server: int, peers: Any) -> None:
        """Let the guest of a server run with these connections."""
        self.world.nova.tables.update('instances', 'uuid',
                                      memory.uuid(server), vm_state='active')
        uuid = memory.uuid(server)
        self.domains.live_texts.setdefault(uuid, self.domains.texts[uuid])
        self.peers[server] = peers

    @property
    def domains(self) -> places.DomainPlace:
        return self.world.domains('cmp1')

    def code(self, command: str) -> int:
        """Run a command and return its exit code."""
        module, fields = COMMANDS[command]
        known = {'run': self.run_id} if command == 'rollback' else {}
        conf = self.world.conf(worlds.command(
            self.hosts, **fields, **known, **self.fields))
        self.patch.setattr(engine, 'Context', self._opened)
        try:
            return int(module.run(conf, io.StringIO(), io.StringIO()))
        except exceptions.RbdMonFixError as error:
            return int(exit_codes.of_error(error))

    def _opened(self, conf: Any) -> engine.Context:
        context = self.world.opened(conf)
        if self.cluster is not None:
            context.__dict__.update(clusters=(self.cluster,),
                                    answering=self.answering)
        return context

    def _corrected(self) -> str:
        with self._opened(self.world.conf()) as context:
            done = engine.refresh(context, engine.RefreshRequest(
                worlds.request('cmp1', 'cmp9')))
        assert done.run is not None and done.error is None
        return done.run

    def _prove(self, cases: Any, *limits: Any) -> list[open_check.Proof]:
        alive = {*RIGHT, *FOREIGN}
        return [open_check.Proof(True, None, 0.1) if alive & {
                    addr.host for addr in case.monitors}
                else open_check.Proof(False, 'error connecting', 0.1)
                for case in cases]

    def _running(self) -> list[Guest]:
        return [Guest(server, memory.uuid(server), (), peers)
                for server, peers in self.peers.items()]


CONNECTED = frozenset(memory.addrs(memory.NEW)[:1])
Scenario = Callable[[Case], object]
SCENARIOS: dict[str, Scenario] = {}


def scenario(reason: str) -> Callable[[Scenario], Scenario]:
    def known(found: Scenario) -> Scenario:
        SCENARIOS[reason] = found
        return found

    return known


@scenario('everything is current')
def current(case: Case) -> None:
    case.runs(1, CONNECTED)


@scenario('a copy is stale')
def stale(case: Case) -> None:
    case.write(1, OLD)


@scenario('a copy is drifted')
def drifted(case: Case) -> None:
    case.write(1, [*OLD, RIGHT[0]])


def busy(case: Case) -> None:
    case.world.nova.tables.update('instances', 'uuid', memory.uuid(1),
                                  task_state='rebooting')


@scenario('a copy is stale, and its server is busy')
def stale_and_busy(case: Case) -> None:
    stale(case)
    busy(case)


@scenario('a copy is drifted, and its server is busy')
def drifted_and_busy(case: Case) -> None:
    drifted(case)
    busy(case)


@scenario('a copy is stale, and Nova does not know its guest')
def unmanaged(case: Case) -> None:
    case.world.add_plain(2)


def left_behind(case: Case, text: str) -> None:
    case.world.nova.add_server(2, 'cmp2')
    case.domains.add(2, text)


@scenario('a copy is stale that the server of another host left behind')
def leftover(case: Case) -> None:
    left_behind(case, case.xml(2, OLD))


@scenario('the domain of a stale copy is transient')
def transient(case: Case) -> None:
    case.world.nova.add_server(2, 'cmp1', vm_state='active')
    case.domains.live_texts[memory.uuid(2)] = case.xml(2, OLD)
    case.peers[2] = CONNECTED


@scenario("a running guest's copy is stale, and no operation reads it")
def live(case: Case) -> None:
    case.domains.live_texts[memory.uuid(1)] = case.xml(1, OLD)
    case.runs(1, CONNECTED)


@scenario('a copy is of an unknown cluster')
def unknown(case: Case) -> None:
    case.write(1, FOREIGN)


@scenario('a copy is unreadable')
def unreadable(case: Case) -> None:
    case.world.nova.tables.update(
        'block_device_mapping', 'instance_uuid', memory.uuid(1),
        connection_info='{"driver_volume_type": "rbd", ')


@scenario('the file of a rescued server is out of reach')
def rescued(case: Case) -> None:
    case.world.nova.tables.update('instances', 'uuid', memory.uuid(1),
                                  vm_state='rescued')


@scenario('a copy that the server of another host left behind is unreadable')
def unreadable_leftover(case: Case) -> None:
    left_behind(case, case.xml(2, ['not a host']))


@scenario('a running guest is stranded')
def stranded(case: Case) -> None:
    case.runs(1, frozenset(memory.addrs('10.0.0.1:3300')))


@scenario('a running guest cannot be judged')
def not_seen(case: Case) -> None:
    case.runs(1, None)


@scenario('there is a finding')
def finding(case: Case) -> None:
    case.domains.rbd_pools = lambda: [POOL]


@scenario('a list of monitors comes from ceph.conf or a monitors file')
def claim(case: Case) -> None:
    case.cluster = dataclasses.replace(CLUSTER, source=Source.MONITORS_FILE)


@scenario('no majority of such a list answers')
def unconfirmed(case: Case) -> None:
    case.cluster = dataclasses.replace(CLUSTER, source=Source.CEPH_CONF)
    case.answering = frozenset(memory.addrs(memory.NEW)[:1])


@scenario('the monitors of a cluster are unknown')
def no_list(case: Case) -> None:
    case.cluster = dataclasses.replace(
        CLUSTER, source=Source.NONE, monmap=memory.monmap(''), former=())


@scenario('no monitor of a cluster with a stale copy answers')
def silent(case: Case) -> None:
    stale(case)
    case.answering = frozenset()


@scenario('there are more changes than ``--max-changes``')
def too_many(case: Case) -> None:
    stale(case)
    case.fields['max_changes'] = 1


@scenario('the plan of ``--plan`` no longer holds')
def another_plan(case: Case) -> None:
    stale(case)
    path = str(case.world.folder / 'plan.json')
    with case._opened(case.world.conf()) as context:
        engine.plan_refresh(context, engine.RefreshRequest(
            worlds.request('cmp1'), save_plan=path))
    drifted(case)
    case.hosts = ()
    case.fields['plan'] = path


@scenario('another run holds the lock of the host')
def locked(case: Case) -> None:
    stale(case)
    case.stack.enter_context(locks.held(str(case.world.journal), ['cmp1']))


@scenario('a change was not made, or not verified')
def declined(case: Case) -> None:
    def decline(xml: str) -> None:
        raise libvirt.Declined('The disk is full.')

    # A refresh finds server 3 stale; a rollback finds what the run changed.
    case.world.add(3)
    case.patch.setattr(case.domains, 'define', decline)


@scenario('a copy changed after the run that is rolled back')
def changed_since(case: Case) -> None:
    case.write(1, FOREIGN, 'nova-bdm')


@scenario('one of several hosts was not reached')
def host_down(case: Case) -> None:
    case.hosts = ('cmp1', 'cmp9')
    del case.world.libvirts['cmp9']


@scenario('the only host was not reached')
def all_down(case: Case) -> None:
    del case.world.libvirts['cmp1']


@scenario('Nova does not know the host')
def no_host(case: Case) -> None:
    case.hosts = ('nowhere',)


@scenario('the config cannot be used')
def no_config(case: Case) -> None:
    (case.world.folder / 'nova.conf').write_text('[DEFAULT')
    case.cluster = None


def table() -> Iterator[tuple[str, str, int]]:
    """Yield each cell of the table: reason, command and exit code."""
    told = REFERENCE.read_text().partition('The table shows what gives')[2]
    rows = [re.findall(r'^ *- (.+(?:\n {7}\w.*)*)', row, re.MULTILINE)
            for row in told.partition('\n*Drifted*')[0].split('\n   * ')[1:]]
    header, *rest = [[' '.join(cell.split()) for cell in row]
                     for row in rows]
    for reason, *codes in rest:
        for command, code in zip(header[1:], codes):
            if code != '–':
                yield reason, command, int(code)


CELLS = list(table())


def test_the_table_is_complete():
    assert list(dict.fromkeys(reason for reason, _, _ in CELLS)) == list(
        SCENARIOS)
    assert {command for _, command, _ in CELLS} == set(COMMANDS)
    assert {code for _, _, code in CELLS} == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize('reason, command, code', CELLS)
def test_cell(world, monkeypatch, reason, command, code):
    with contextlib.ExitStack() as stack:
        case = Case(world, monkeypatch, stack)
        SCENARIOS[reason](case)
        assert case.code(command) == code
