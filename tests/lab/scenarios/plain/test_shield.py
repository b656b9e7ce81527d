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

"""A host is shielded: its guests start, and nothing is refreshed."""

from __future__ import annotations

from typing import Callable, Iterator

import pytest

from lab import errors
from lab import guests
from lab import inside
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import shielding
from tests.lab.scenarios import watching


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


def test_shield(lab: inside.Lab, shielded: guests.Guest,
                operator: operators.Operator):
    before = shielded.hosts()
    for _ in range(2):
        shielding.move(lab, operator)
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
