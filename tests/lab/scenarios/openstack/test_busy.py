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

"""Users start, stop, attach, detach and resize while refresh runs.

The monitors do not move. The monitors file alternates between their addresses
of Ceph's first protocol and of its second. So every run has something to
write, and no write stops a server from starting.

Libvirt has no compare-and-swap: if a disk is attached at the very moment of a
define, the XML of the next start can lose the disk. Refresh must report the
loss.
"""

from __future__ import annotations

import json
import pathlib
import random
import threading
from typing import Iterator

import pytest

from lab import errors
from lab.openstack import backing
from tests.lab.scenarios.openstack import server as servers

HOST = ('--host', 'lab', '--unmanaged')
# The minimum number of runs of refresh, and of each action of each user.
ROUNDS = 30
TIMES = 3
NAMES = ('running-a', 'running-b', 'running-c')
DEEDS = ('restart', 'reboot', 'swap volumes', 'extend')


class Busy(threading.Thread):
    """A user who performs one action after another on one server.

    :param seed: differs between users, so that a failure can be reproduced
    """

    def __init__(self, one: servers.Server, spare: str, seed: int):
        super().__init__(daemon=True)
        self.server = one
        self.done: list[str] = []
        self.failed = ''
        self.parted = False
        self.sizes: dict[str, int] = {one.volume: 1, spare: 1}
        self._spare = spare
        self._user = one.user
        self._chance = random.Random(seed)
        self._over = threading.Event()

    def run(self) -> None:
        try:
            for deed in self._deeds():
                getattr(self, f'_{deed.replace(" ", "_")}')()
                self.done.append(deed)
        except Exception as error:  # noqa: BLE001 - kept in self.failed
            self.failed = f'{deed}: {error!r}'

    def stop(self) -> None:
        """Let the user finish the current action."""
        self._over.set()
        self.join()

    def _deeds(self) -> Iterator[str]:
        while not self._over.is_set():
            yield from self._chance.sample(DEEDS, len(DEEDS))

    def _restart(self) -> None:
        self._act('stop', 'SHUTOFF')
        self._act('start', 'ACTIVE')

    def _reboot(self) -> None:
        self._act('reboot', 'ACTIVE', self._chance.choice(['SOFT', 'HARD']))

    def _swap_volumes(self) -> None:
        self._user.detach(self.server.id, self.server.volume)
        self.server.volume, self._spare = self._spare, self.server.volume
        self._user.attach(self.server.id, self.server.volume)
        if self.server.images() != self.server.images('--inactive'):
            self.parted = True

    def _extend(self) -> None:
        volume = self.server.volume
        self.sizes[volume] += 1
        if self.server.extend(self.sizes[volume]) != 'Success':
            raise errors.LabError('Nova did not follow')

    def _act(self, action: str, status: str, *words: str) -> None:
        if self.server.act(action, *words) != 'Success':
            raise errors.LabError(f'{action} failed')
        self._user.settled(self.server.id, status)


@pytest.fixture(scope='module')
def busy(operator, ships, user) -> Iterator[list[Busy]]:
    operator.run('refresh', *HOST)
    made = ships.make(NAMES)
    spares = [user.volumes.create(f'spare-{name}') for name in NAMES]
    for spare in spares:
        user.volumes.settled(spare, 'available')
        servers.write_pattern(spare)
    yield [Busy(one, spare, seed) for seed, (one, spare) in
           enumerate(zip(made.values(), spares))]


@pytest.fixture(scope='module')
def maps(operator, tmp_path_factory) -> list[pathlib.Path]:
    """Two files of right monitors, each with one of their addresses."""
    told = operator.run('monitors')
    folder = tmp_path_factory.mktemp('maps')
    files = []
    for port in (':3300', ':6789'):
        for cluster in told['clusters']:
            cluster['monitors'] = [
                next(one for one in of if one.endswith(port))
                for of in cluster['addresses']]
        files.append(folder / f'monitors{port[1:]}.json')
        files[-1].write_text(json.dumps(told))
    return files


def test_users_notice_nothing(operator, busy, maps):
    for one in busy:
        one.start()
    written = 0
    turn = 0
    doubted = set()
    # Each user performs every action several times.
    while turn < ROUNDS or any(
            len(one.done) < TIMES * len(DEEDS) and not one.failed
            for one in busy):
        told = operator.attempt('--monitors-file', str(maps[turn % 2]),
                                'refresh', *HOST)
        written += told['summary']['outcomes']['fixed']
        assert not told['summary']['outcomes']['failed'], told['summary']
        doubted |= {record['instance'] for record in told['records']
                    if record['outcome'] == 'unverified'}
        turn += 1
    for one in busy:
        one.stop()
    assert not [one.failed for one in busy if one.failed]
    assert written > ROUNDS * len(NAMES)
    assert {one.server.id for one in busy if one.parted} <= doubted


def test_nothing_was_lost(busy):
    for one in busy:
        server = one.server
        rows = backing.sql(
            'SELECT attachment_id, volume_id FROM nova.block_device_mapping '
            f"WHERE instance_uuid = '{server.id}' AND deleted = 0 AND "
            "destination_type = 'volume'").split()
        known = backing.sql(
            'SELECT id, volume_id FROM cinder.volume_attachment WHERE '
            f"instance_uuid = '{server.id}' AND deleted = 0").split()
        assert rows == known
        assert rows[1] == server.volume
        info = server.connection_info()
        assert info['serial'] == server.volume
        assert info['data']['name'] == f'volumes/volume-{server.volume}'
        assert backing.sql(
            'SELECT volume_size FROM nova.block_device_mapping WHERE '
            f"volume_id = '{server.volume}' AND deleted = 0"
        ).strip() == str(one.sizes[server.volume])
        for volume, size in one.sizes.items():
            assert backing.sql('SELECT size FROM cinder.volumes WHERE id = '
                               f"'{volume}'").strip() == str(size)


def test_at_the_end_all_is_right(operator, busy):
    operator.run('refresh', *HOST)
    for one in busy:
        server = one.server
        assert server.act('reboot', 'HARD') == 'Success'
        server.counts()
        assert server.reads()
    told = operator.run('status', *HOST, *(
        word for one in busy for word in ('--instance', one.server.id)))
    assert {record['state'] for record in told['records']} == {'current'}
