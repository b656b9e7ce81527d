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

"""Comparison with the official ``nova-manage volume_attachment refresh``.

Both correct a volume of a stopped server, and both are timed.
"""

from __future__ import annotations

import time

import pytest

from lab import errors
from lab.openstack import nova

HOST = ('--host', 'lab')


@pytest.fixture(scope='module')
def stopped(lab, operator, ships):
    operator.run('refresh', *HOST, '--unmanaged')
    made = ships.make(['stopped-official', 'stopped-ours'])
    lab.move_monitors(())
    return made


def nova_manage(one, connector) -> None:
    """Refresh a server's volume as Nova's documentation describes."""
    connector.write_text(nova.manage(
        'volume_attachment', 'get_connector', '--json'))
    nova.manage('volume_attachment', 'refresh', one.id, one.volume,
                str(connector))


def timed(act) -> float:
    """Return the duration of an action, in seconds."""
    start = time.monotonic()
    act()
    return time.monotonic() - start


def test_both_ways(operator, stopped, tmp_path):
    official, ours = stopped['stopped-official'], stopped['stopped-ours']
    seconds = {
        'nova-manage': timed(lambda: nova_manage(
            official, tmp_path / 'connector.json')),
        'rbd-mon-fix': timed(lambda: operator.run(
            'refresh', *HOST, '--instance', ours.id))}
    print(f'\nfor one volume: {seconds}')
    expected = official.connection_info()['data']
    got = ours.connection_info()['data']
    assert [got['hosts'], got['ports']] == [expected['hosts'],
                                            expected['ports']]
    for one in stopped.values():
        assert one.act('start') == 'Success'
        one.counts()
        assert one.reads()


def test_the_official_way_wants_a_stopped_server(stopped, tmp_path):
    """Of the two, only Nova's command rejects a running server."""
    with pytest.raises(errors.LabError):
        nova_manage(stopped['stopped-official'], tmp_path / 'connector.json')
