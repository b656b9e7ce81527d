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

"""Fixtures of scenarios with OpenStack: its user, and servers in any state."""

from __future__ import annotations

from typing import Iterator

import pytest

from lab import inside
from lab.openstack import user as users
from tests.lab.scenarios import sights
from tests.lab.scenarios.openstack import fleet


def _cloud(lab: inside.Lab) -> str:
    return users.User().describe()


sights.SIGHTS.append(('servers and volumes', _cloud))


@pytest.fixture(scope='session')
def user(lab: inside.Lab) -> users.User:
    return users.User()


@pytest.fixture(scope='module')
def ships(user: users.User) -> Iterator[fleet.Fleet]:
    """Return a function that makes servers, deleted when the module ends."""
    made = fleet.Fleet(user)
    yield made
    made.remove()
