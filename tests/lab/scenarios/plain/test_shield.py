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

"""A host is shielded: its guests start, and nothing is refreshed.

The lab writes the whole ceph.conf when the monitors move. Like the template
of a site, the test puts the block back that was there before.
"""

from __future__ import annotations

from typing import Callable, Iterator

import pytest

from lab import errors
from lab import guests
from lab import inside
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching

BEGIN = '# BEGIN rbd-mon-fix shield'


@pytest.fixture
def shielded(lab: inside.Lab, operator: operators.Operator,
             guest_of: Callable[..., guests.Guest]
             ) -> Iterator[guests.Guest]:
    """Return a stopped guest of a host with a shield."""
    guest = guest_of('shielded')
    guest.stop()
    operator.run('shield', 'install')
    yield guest
    operator.run('shield', 'remove')


def move(lab: inside.Lab) -> None:
    """Replace all monitors, but leave the shield as it is."""
    _, begin, block = inside.CONF.read_text().partition(BEGIN)
    lab.move_monitors(())
    with inside.CONF.open('a') as file:
        file.write(begin + block)


def test_shield(lab: inside.Lab, shielded: guests.Guest,
                operator: operators.Operator):
    before = shielded.hosts()
    for _ in range(2):
        move(lab)
        assert operator.run('shield', 'refresh')['changed']
        told = operator.run('shield', 'status')['users']
        assert {row['state'] for row in told} == {'shielded'}
        record, = operator.on('status', shielded, code=1)['records']
        assert (record['state'], record['shielded'], record['breaks']) == (
            'stale', True, [])
        shielded.start()
        watching.writes(shielded)
        assert shielded.hosts() == before
        shielded.stop()

    operator.run('shield', 'remove')
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        shielded.start()
