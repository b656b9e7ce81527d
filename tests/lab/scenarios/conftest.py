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

"""Fixtures of all scenarios: the lab, an operator, guests."""

from __future__ import annotations

import os
import pathlib
import socket
from typing import Callable, Iterator

import pytest

from lab import ceph
from lab import guests
from lab import inside
from lab import mons
from lab import network
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import sights

FOLDER = 'RBD_MON_FIX_LAB'


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Add the state of the cloud to the report of a failed scenario."""
    report = yield
    if report.failed and FOLDER in os.environ:
        report.sections.append(('the cloud', sights.seen(_lab())))
    return report


@pytest.fixture(scope='session')
def lab() -> inside.Lab:
    if FOLDER not in os.environ or socket.gethostname() != network.HOSTNAME:
        pytest.exit('scenarios run in the lab: lab/up, then lab/shell pytest '
                    'tests/lab/scenarios', returncode=2)
    return _lab()


@pytest.fixture(scope='session')
def operator(lab: inside.Lab) -> operators.Operator:
    return operators.Operator()


@pytest.fixture(scope='module')
def guest_of(lab: inside.Lab) -> Iterator[Callable[..., guests.Guest]]:
    """Return a function that makes and starts a guest with correct XML.

    The arguments are the guest's name, and optionally its cluster, secret and
    cephx user (the lab's by default).
    """
    made = []

    def make(name: str, cluster: ceph.Cluster = lab.cluster,
             secret: str = guests.SECRET, user: str = ceph.USER
             ) -> guests.Guest:
        guest = guests.Guest(cluster, name, secret, user)
        guest.remove()
        made.append(guest)
        guest.make(mons.first_addresses(cluster.monitors()))
        guest.start()
        return guest

    yield make
    for guest in made:
        guest.remove()


def _lab() -> inside.Lab:
    return inside.Lab(pathlib.Path(os.environ[FOLDER]))
