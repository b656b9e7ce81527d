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

"""Fixtures: a deployment with two hosts, and commands run on it."""

from __future__ import annotations

import functools

import pytest

from tests.unit import worlds


@pytest.fixture
def cloud(world):
    """Return a world with servers on two hosts, in all stores."""
    for server, host in ((1, 'cmp1'), (2, 'cmp1'), (3, 'cmp2')):
        world.add(server, host)
    return world


@pytest.fixture
def run(cloud, monkeypatch):
    """Return a function that runs a command: exit code, JSON and stderr."""
    return functools.partial(worlds.run, cloud, monkeypatch)
