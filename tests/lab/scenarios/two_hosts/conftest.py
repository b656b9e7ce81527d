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

"""Fixtures of scenarios with two compute hosts."""

from __future__ import annotations

from typing import Iterator

import pytest

from lab import hosts
from lab import inside
from lab import libvirtd
from lab.openstack import user as users
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import sights
from tests.lab.scenarios.openstack import fleet
from tests.lab.scenarios.two_hosts import moves


def _cloud(lab: inside.Lab) -> str:
    return users.User().describe()


def _migrations(lab: inside.Lab) -> str:
    return moves.describe(users.User())


def _guests(lab: inside.Lab) -> str:
    return libvirtd.virsh('list', '--all', on=lab.second)


sights.SIGHTS += [
    ('servers and volumes', _cloud),
    ('migrations and compute services', _migrations),
    ('virsh list --all on lab2', _guests)]


@pytest.fixture(scope='session')
def user(lab: inside.Lab) -> users.User:
    return users.User()


@pytest.fixture(scope='session')
def second(lab: inside.Lab) -> hosts.Host:
    if not lab.second.made():
        pytest.exit('these scenarios need lab/up --hosts 2 openstack',
                    returncode=2)
    return lab.second


@pytest.fixture(scope='session')
def there(second: hosts.Host) -> operators.Operator:
    """Return an operator on the second host."""
    return operators.Operator(on=second)


@pytest.fixture(scope='module')
def ships(user: users.User, second: hosts.Host) -> Iterator[fleet.Fleet]:
    """Return a maker of servers on the first host, deleted in the end."""
    made = fleet.Fleet(user)
    yield made
    made.remove()
