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

"""All monitors are replaced under guests of a host without OpenStack.

The monitors move once; each scenario has its own guest.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Callable, Iterator

import pytest

from lab import errors
from lab import guests
from lab import inside
from lab import libvirtd
from lab import services
from tests.lab.scenarios import freezing
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching


@dataclasses.dataclass
class Moved:
    """Guests that ran when the monitors moved."""

    stopped: guests.Guest
    rolled: guests.Guest
    running: guests.Guest
    saved: guests.Guest
    frozen: guests.Guest
    pulse: watching.Pulse
    saved_at: int


@pytest.fixture(scope='module')
def moved(lab: inside.Lab, guest_of: Callable[..., guests.Guest]
          ) -> Iterator[Moved]:
    made = Moved(guest_of('stopped'), guest_of('rolled'), guest_of('running'),
                 guest_of('saved'), guest_of('frozen'), pulse=None,
                 saved_at=0)
    libvirtd.virsh('managedsave', made.saved.name)
    made.saved_at = guests.count(made.saved.console)
    made.pulse = watching.Pulse(made.running)
    with freezing.frozen(made.frozen, lab.cluster):
        lab.move_monitors(())
    yield made
    made.pulse.stop()


@pytest.fixture
def right(lab: inside.Lab) -> list[tuple[str, int]]:
    """Return the new monitors in Ceph's order: the order of joining."""
    told = json.loads(lab.cluster.run('ceph', 'mon', 'dump', '-f', 'json'))
    found = [monitor['addr'].split('/')[0].split(':')
             for monitor in told['mons']]
    return [(host, int(port)) for host, port in found]


def test_destroy_and_start(moved: Moved, operator: operators.Operator,
                           right: list[tuple[str, int]]):
    guest = moved.stopped
    guest.stop()
    assert operator.states(guest, code=1) == {'domain': 'stale'}
    assert operator.opens(guest, code=1) == {'domain': False}
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        guest.start()

    operator.on('refresh', guest)
    assert guest.hosts() == right
    assert operator.states(guest) == {'domain': 'current'}
    assert operator.opens(guest) == {'domain': True}
    guest.start()
    watching.writes(guest)


def test_rollback(moved: Moved, operator: operators.Operator,
                  right: list[tuple[str, int]]):
    guest = moved.rolled
    guest.stop()
    before = guest.hosts()
    assert not set(before) & set(right)
    run = operator.on('refresh', guest)['run']
    assert guest.hosts() == right

    operator.run('rollback', run)
    assert guest.hosts() == before
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        guest.start()

    operator.on('refresh', guest)
    guest.start()
    watching.writes(guest)


def test_suspended(moved: Moved, operator: operators.Operator):
    """Libvirt keeps the saved memory when a start fails; Nova does not."""
    guest = moved.saved
    assert operator.states(guest, code=1) == {
        'domain': 'stale', 'managed-save': 'stale'}
    assert operator.opens(guest, code=1) == {
        'domain': False, 'managed-save': False}
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        guest.start()
    assert _is_saved(guest)
    assert guests.count(guest.console) == moved.saved_at

    operator.on('refresh', guest)
    assert operator.opens(guest) == {'domain': True, 'managed-save': True}
    before = len(guests.counted(guest.console))
    guest.start()
    assert not _is_saved(guest)
    after = guests.counted(guest.console)[before:]
    assert after == _one_by_one(moved.saved_at + 1, len(after))
    watching.writes(guest)


def test_running(moved: Moved, operator: operators.Operator,
                 right: list[tuple[str, int]]):
    guest = moved.running
    assert operator.states(guest, code=1) == {
        'domain': 'stale', 'live-domain': 'stale'}
    assert freezing.connections(guest, right)

    operator.on('refresh', guest)
    assert guest.hosts() == right
    watching.writes(guest)
    assert moved.pulse.same_process()
    assert moved.pulse.stop() < watching.NO_PAUSE
    counted = moved.pulse.counted()
    assert len(counted) > 10
    assert counted == _one_by_one(counted[0], len(counted))


def test_frozen(moved: Moved, operator: operators.Operator,
                right: list[tuple[str, int]]):
    """The guest keeps using the OSDs that it knows; it learns no new ones."""
    guest = moved.frozen
    watching.writes(guest)
    assert not freezing.connections(guest, right)
    assert _state(operator, guest, code=1) == 'stranded'
    assert _state(operator, moved.running) == 'following'
    stranded = operator.on('status', guest, code=1)['summary']['stranded']
    assert stranded == [guest.uuid]

    operator.on('refresh', guest)
    assert _state(operator, guest, code=1) == 'stranded'
    guest.stop()
    guest.start()
    watching.writes(guest)
    services.wait_for(lambda: freezing.connections(guest, right) != set(),
                      freezing.SEEN_WITHIN)
    assert _state(operator, guest) == 'following'


def _state(operator: operators.Operator, guest: guests.Guest,
           code: int = 0) -> str:
    """Return the state of a guest in the report of ``guests``."""
    told, = operator.run('guests', '--host', operators.HOST, '--instance',
                         guest.uuid, code=code)['guests']
    return told['state']


def _is_saved(guest: guests.Guest) -> bool:
    return 'yes' in libvirtd.virsh('dominfo', guest.name).split(
        'Managed save:')[1].splitlines()[0]


def _one_by_one(first: int, number: int) -> list[int]:
    return list(range(first, first + number))
