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

"""``nova-manage volume_attachment refresh`` against one ``refresh``.

Two stopped servers with 20 volumes each, on the lab: the official command
corrects one volume at a time of the first, ``refresh`` all of the second,
again after each ``rollback``. What comes before, ``get_connector`` and
``status``, is not counted.
Run it in the lab: ``lab/up openstack``, then
``lab/shell python -m benchmarks.official``.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Iterator, Sequence, Union

from benchmarks import figures
from benchmarks import page
from benchmarks import processes
from lab import inside
from lab.openstack import backing
from lab.openstack import nova
from tests.lab.matrix import cloud as clouds
from tests.lab.matrix import kinds
from tests.lab.matrix import watch

NUMBER = 20
ROUNDS = 7
KIND = kinds.Kind('official', 'volumes', disks=(kinds.VOLUME,) * NUMBER)
# At least 100 times as fast.
BOUND = 1.0
STALE_FOUND = 1
# The page has two volumes for each server.
SERVERS = NUMBER // 2
TABLES = 'nova.block_device_mapping', 'cinder.volume_attachment'


def main() -> int:
    lab = inside.Lab(pathlib.Path(os.environ['RBD_MON_FIX_LAB']))
    cloud = clouds.Cloud()
    cloud.user.wait_for_compute()
    official, ours = _stopped(cloud)
    lab.move_monitors(())
    found = list(_measured(official, ours))
    held = [each for each in found if isinstance(each, figures.Figure)]
    page.keep('official', held, [
        each for each in found if isinstance(each, figures.Point)])
    print(figures.table(held))
    cloud.clear()
    return 0 if all(each.holds for each in held) else 1


def _stopped(cloud: clouds.Cloud) -> list[clouds.Served]:
    """Return two stopped servers."""
    cloud.clear()
    made = cloud.create(KIND, 2)
    for served in made:
        cloud.user.nova.servers.stop(served.id)
    watch.wait({served.id: lambda seen: seen.state == 'stopped' and seen.idle
                for served in made})
    return made


def _measured(official: clouds.Served, ours: clouds.Served
              ) -> Iterator[Union[figures.Figure, figures.Point]]:
    with tempfile.TemporaryDirectory() as folder:
        connector = pathlib.Path(folder) / 'connector.json'
        connector.write_text(nova.manage(
            'volume_attachment', 'get_connector', '--json'))
        command = ['nova-manage', '--config-file', nova.CONF,
                   'volume_attachment', 'refresh', official.id]
        volumes = sorted(_documents(official))
        theirs = sum(processes.seconds([*command, volume, str(connector)])
                     for volume in volumes)
        memory = processes.peak(
            [*command, volumes[0], str(connector)], [0])
    scope = '--host', 'lab', '--instance', ours.id
    # As in the runbook: it learns where the monitors were, too.
    processes.run(processes.ours('status', *scope), [STALE_FOUND])
    own = statistics.median(_refreshes(ours, scope))
    right = {tuple(lists) for served in (official, ours)
             for lists in _documents(served).values()}
    if len(right) != 1:
        raise RuntimeError(f'the two disagree: {right}')
    yield figures.Figure(
        f'refresh of {NUMBER} volumes / nova-manage, a volume',
        100 * own / theirs, BOUND, 'percent',
        f'{own:.2f} s, median of {ROUNDS}, against {theirs:.1f} s for '
        f'{NUMBER} commands')
    yield figures.Point('nova-manage volume_attachment refresh', SERVERS,
                        theirs, memory)


def _refreshes(served: clouds.Served, scope: Sequence[str]
               ) -> Iterator[float]:
    """Yield the seconds of each refresh of a server.

    :raises RuntimeError: the server was not as before when one began
    """
    before = _documents(served)
    for _ in range(ROUNDS - 1):
        yield processes.seconds(processes.ours('refresh', *scope))
        processes.run(processes.ours('rollback', _last_run()))
        if _documents(served) != before:
            raise RuntimeError('the rollback did not restore all')
    yield processes.seconds(processes.ours('refresh', *scope))


def _last_run() -> str:
    listed = subprocess.run(
        processes.ours('journal', 'list', '-f', 'json'), check=True,
        cwd=processes.REPOSITORY, stdout=subprocess.PIPE)
    return str(json.loads(listed.stdout)['runs'][-1]['run'])


def _documents(served: clouds.Served) -> dict[str, list[str]]:
    """Return the lists of each volume of a server, in both databases.

    :raises RuntimeError: the databases disagree
    """
    found: dict[str, list[str]] = {}
    for table in TABLES:
        for line in backing.sql(
                f'SELECT volume_id, connection_info FROM {table} WHERE '
                f"instance_uuid = '{served.id}' AND deleted = 0 AND "
                'volume_id IS NOT NULL').splitlines():
            volume, text = line.split('\t')
            whole = json.loads(text)
            data = whole.get('data', whole)
            lists = [json.dumps(data['hosts']), json.dumps(data['ports'])]
            if found.setdefault(volume, lists) != lists:
                raise RuntimeError(f'the databases disagree on {volume}')
    return found


if __name__ == '__main__':
    sys.exit(main())
