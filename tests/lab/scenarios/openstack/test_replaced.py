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

"""All monitors are replaced; then Nova acts on its servers.

For each state, one server is handled without rbd-mon-fix, and one with it.
The tests of this module run in order.
"""

from __future__ import annotations

from concurrent import futures
import dataclasses
import json
from typing import Any

import pytest

from lab import guests
from lab import libvirtd
from lab import mons
from tests.lab.scenarios import watching
from tests.lab.scenarios.openstack import server as servers

Server = servers.Server
# The host also has guests that Nova does not know.
HOST = ('--host', 'lab', '--unmanaged')


@dataclasses.dataclass(frozen=True)
class Case:
    """A state, the action taken in it, and its result without the monitors.

    :param breaks: the operation, by rbd-mon-fix's name
    :param store: the copy that it reads
    """

    state: str
    action: tuple[str, ...]
    breaks: str
    store: str
    status: str


CASES = [
    Case('stopped', ('start',), 'start', 'nova-bdm', 'SHUTOFF'),
    Case('booted', ('reboot', 'HARD'), 'hard-reboot', 'nova-bdm', 'ERROR'),
    Case('suspended', ('resume',), 'resume', 'managed-save', 'ERROR'),
    Case('rescued', ('unrescue',), 'unrescue', 'unrescue', 'ERROR'),
]
ALL_CASES = pytest.mark.parametrize('case', CASES,
                                    ids=lambda case: case.state)


@dataclasses.dataclass
class Story:
    """The servers, and the observations made on the way."""

    servers: dict[str, Server]
    pulse: watching.Pulse
    counts: dict[str, Any]
    runs: list[str] = dataclasses.field(default_factory=list)


@pytest.fixture(scope='module')
def story(operator, ships):
    operator.run('refresh', *HOST)
    made = ships.make(
        [f'{case.state}-{way}' for case in CASES
         for way in ('without', 'with')]
        + ['own-without', 'own-with', 'stopped-back', 'running-on'])
    return Story(made, watching.Pulse(made['running-on']), {
        name: guests.count(one.console) for name, one in made.items()})


@pytest.fixture(scope='module')
def moved(lab, story):
    lab.move_monitors(())
    return story


@pytest.fixture(scope='module')
def refreshed(operator, moved):
    back = moved.servers['stopped-back']
    for words in (('--instance', back.id), ()):
        told = operator.run('refresh', *HOST, *words)
        assert {record['outcome'] for record in told['records']
                if record['outcome']} == {'fixed'}
        moved.runs.append(told['run'])
    return moved


def opened(operator, story: Story, code: int) -> dict[tuple[str, str], bool]:
    """Return the ``verify`` result by server and store, over all disks."""
    names = {one.id: name for name, one in story.servers.items()}
    said: dict[tuple[str, str], bool] = {}
    for disk in operator.run('verify', *HOST,
                             code=code)['disks']:
        key = names.get(disk['instance'], ''), disk['store']
        said[key] = said.get(key, True) and disk['opened']
    return said


def test_all_was_right_before(operator, story):
    told = operator.run('status', *HOST, *(
        word for one in story.servers.values()
        for word in ('--instance', one.id)))
    assert len(told['records']) > len(story.servers)
    assert {record['state'] for record in told['records']} == {'current'}


def test_status_says_what_would_fail(operator, moved):
    told = operator.run('status', *HOST, code=1)
    for case in CASES:
        one = moved.servers[f'{case.state}-with']
        copies = [record for record in told['records']
                  if record['instance'] == one.id
                  and record['store'] == case.store]
        assert copies and {copy['state'] for copy in copies} == {'stale'}
        assert all(case.breaks in copy['breaks'] for copy in copies)


def test_verify_says_no(operator, moved):
    said = opened(operator, moved, code=1)
    for case in CASES:
        assert said[f'{case.state}-with', case.store] is False
    assert said['own-with', 'domain'] is False


@pytest.fixture(scope='module')
def failed(moved):
    """Return the result of each action; run in parallel, as each is slow."""
    with futures.ThreadPoolExecutor(len(CASES)) as pool:
        ends = {case: pool.submit(
            moved.servers[f'{case.state}-without'].act, *case.action)
            for case in CASES}
        return {case.state: end.result() for case, end in ends.items()}


@ALL_CASES
def test_without(case, moved, failed):
    assert failed[case.state] == 'Error'
    assert moved.servers[f'{case.state}-without'].status == case.status


def test_a_start_that_failed_took_the_domain(moved, failed):
    assert not moved.servers['stopped-without'].has_domain()


def test_a_resume_that_failed_lost_the_memory(moved, failed):
    one = moved.servers['suspended-without']
    saved = libvirtd.virsh('list', '--all', '--with-managed-save', '--name')
    assert one.domain not in saved.split()
    other = moved.servers['suspended-with']
    assert other.domain in saved.split()


def test_soft_reboot_without_becomes_a_hard_one(lab, moved):
    one = moved.servers['own-without']
    before = one.hosts()
    assert one.act('reboot', 'SOFT') == 'Success'
    one.counts()
    # Nova's log reports the result, and the definition has changed.
    assert one.hosts() != before
    assert fell_back(lab, one)


def fell_back(lab, one: Server) -> bool:
    log = lab.services.log('nova-compute').read_text()
    return any('Failed to soft reboot instance' in line and one.id in line
               for line in log.splitlines())


def test_after_refresh_all_is_right(operator, refreshed):
    # A running server keeps the addresses that it was started with.
    told = operator.run('status', *HOST, code=1)
    assert {record['store'] for record in told['records']
            if record['state'] != 'current'} == {'live-domain'}


def test_verify_says_yes(operator, refreshed):
    said = opened(operator, refreshed, code=0)
    for case in CASES:
        assert said[f'{case.state}-with', case.store] is True
    assert said['own-with', 'domain'] is True


@ALL_CASES
def test_with(case, refreshed):
    one = refreshed.servers[f'{case.state}-with']
    assert one.act(*case.action) == 'Success'
    assert one.status == 'ACTIVE'
    one.counts()
    if case.state != 'booted':
        assert one.reads()


def test_a_resumed_guest_goes_on_counting(refreshed):
    one = refreshed.servers['suspended-with']
    counted = guests.counted(one.console)
    assert min(counted) > refreshed.counts['suspended-with']


def test_soft_reboot_starts_the_same_definition(lab, operator, refreshed):
    one = refreshed.servers['own-with']
    before, pid = one.xml(), one.pid
    assert one.act('reboot', 'SOFT') == 'Success'
    one.counts()
    assert one.pid != pid
    assert one.xml() == before
    assert not fell_back(lab, one)
    told, = operator.run('guests', *HOST[:2], '--instance', one.id)['guests']
    assert told['launched_with'] == one.hosts()
    assert set(told['launched_with']) == {
        f'{host}:{port}' for host, port
        in mons.first_addresses(lab.cluster.monitors())}


def test_what_failed_is_mended_too(refreshed):
    one = refreshed.servers['stopped-without']
    assert one.act('start') == 'Success'
    one.counts()
    assert one.reads()


def test_servers_in_error_come_back_by_a_hard_reboot(refreshed):
    for state in ('booted', 'suspended', 'rescued'):
        one = refreshed.servers[f'{state}-without']
        assert one.act('reboot', 'HARD') == 'Success', state
        one.counts()


def test_attachments_are_what_cinder_hands_out(user, refreshed):
    volume = user.volumes.create('fresh')
    user.volumes.settled(volume, 'available')
    fresh = user.volumes.fresh_connection(volume)
    expected = json.dumps([fresh['hosts'], fresh['ports']])
    for name, one in refreshed.servers.items():
        if one.volume:
            bdm = one.connection_info()['data']
            attachment = one.attachment()
            assert json.dumps([bdm['hosts'], bdm['ports']]) == expected, name
            assert json.dumps(
                [attachment['hosts'], attachment['ports']]) == expected, name


def test_a_running_guest_was_never_disturbed(refreshed):
    watched = refreshed.pulse
    assert watched.stop() < watching.NO_PAUSE
    counted = watched.counted()
    assert watched.same_process()
    assert counted == list(range(counted[0], counted[0] + len(counted)))
    assert refreshed.servers['running-on'].status == 'ACTIVE'


def test_rollback_and_again(operator, refreshed):
    one = refreshed.servers['stopped-back']
    told = operator.run('refresh', *HOST, '--instance', one.id)
    assert {record['state'] for record in told['records']} == {'current'}
    operator.run('rollback', refreshed.runs[0])
    assert one.act('start') == 'Error'
    assert (one.status, one.has_domain()) == ('SHUTOFF', False)
    operator.run('refresh', *HOST)
    assert one.act('start') == 'Success'
    one.counts()
    assert one.reads()
