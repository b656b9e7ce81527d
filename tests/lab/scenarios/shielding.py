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

"""Moves of the monitors on a host with a shield.

The lab writes the whole ceph.conf when the monitors move. Like the template of
a site, a move here puts the block back that was there before.
"""

from __future__ import annotations

from lab import inside
from tests.lab.scenarios import operator as operators

BEGIN = '# BEGIN rbd-mon-fix shield'


def move(lab: inside.Lab, operator: operators.Operator) -> None:
    """Replace all monitors, and have the shield follow, as its timer does."""
    _, begin, block = inside.CONF.read_text().partition(BEGIN)
    lab.move_monitors(())
    with inside.CONF.open('a') as file:
        file.write(begin + block)
    assert operator.run('shield', 'refresh')['changed']
    told = operator.run('shield', 'status')['users']
    assert {row['state'] for row in told} == {'shielded'}
