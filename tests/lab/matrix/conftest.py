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

"""Fixtures of the matrix: the lab with its settings, and the columns."""

from __future__ import annotations

import functools

from novaclient import exceptions
import pytest

from lab import errors
from lab import versions
from lab.openstack import user as users
from tests.lab.matrix import cloud as clouds
from tests.lab.matrix import column as columns
from tests.lab.matrix import results
from tests.lab.matrix import settings
from tests.lab.scenarios import conftest as scenarios
from tests.lab.scenarios import sights

lab = scenarios.lab
operator = scenarios.operator
pytest_runtest_makereport = scenarios.pytest_runtest_makereport

TAIL = 30
# A column that fails once is not tried again for each of its cells.
FAILURES = (errors.LabError, exceptions.ClientException)
# The packages that make a generation.
GENERATION = ('nova-compute', 'cinder-volume', 'ceph-mon', 'libvirt-daemon',
              'qemu-system-x86')


def _servers(lab) -> str:
    return users.User().describe()


def _end_of_log(name):
    def look(lab) -> str:
        return '\n'.join(lab.services.tail(name).splitlines()[-TAIL:])

    return f'the end of the log of {name}', look


sights.SIGHTS += [('servers and volumes', _servers), *map(_end_of_log, (
    'nova-api', 'nova-conductor', 'nova-compute', 'cinder-volume'))]


def pytest_addoption(parser):
    parser.addoption(
        '--write-docs', action='store_true',
        help='write the outcomes to docs/matrix.json and docs/matrix.rst')
    parser.addoption(
        '--missing', action='store_true',
        help='run the cells without an outcome in docs/matrix.json')


def pytest_collection_modifyitems(config, items):
    if not config.getoption('--missing'):
        return
    known = results.read()
    recorded = [item for item in items if results.lookup(
        known, item.callspec.params['cell'])]
    config.hook.pytest_deselected(items=recorded)
    items[:] = [item for item in items if item not in recorded]


@pytest.fixture(scope='session')
def cloud(lab):
    settings.apply(lab)
    made = clouds.Cloud()
    made.user.wait_for_compute()
    return made


@pytest.fixture(scope='session')
def outcomes_of(request, lab, cloud, operator):
    """Return a function that runs the chosen cells of a kind of disk, once."""
    def keep(found):
        if request.config.getoption('--write-docs'):
            results.write(found, generation())

    @functools.cache
    def run(kind):
        chosen = [item.callspec.params['cell']
                  for item in request.session.items
                  if 'outcomes_of' in item.fixturenames]
        try:
            return columns.Column(lab, cloud, operator, keep).run(
                [cell for cell in chosen if cell.kind == kind])
        except FAILURES as error:
            return error

    def outcomes(kind):
        found = run(kind)
        if isinstance(found, FAILURES):
            raise found
        return found

    return outcomes


def generation():
    """Return the versions of the packages that make a generation."""
    return dict(line.split()
                for line in versions.table('openstack').splitlines()
                if line.startswith(GENERATION))
