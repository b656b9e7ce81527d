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

"""How many faults to inject; clouds are as in the functional tests."""

import collections
import json

import pytest

pytest_plugins = ['tests.functional.clouds']


def pytest_addoption(parser):
    parser.addoption('--all-faults', action='store_true',
                     help='inject every fault, not a sample: takes hours')


def pytest_configure(config):
    config.addinivalue_line(
        'markers', 'thorough: only with --all-faults, which takes hours')


def pytest_collection_modifyitems(config, items):
    """Leave out what is like something else, unless all faults are wanted."""
    if config.getoption('--all-faults'):
        return
    left = [item for item in items if item.get_closest_marker('thorough')]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def thorough(*values):
    """Return a case that only --all-faults tries."""
    return pytest.param(*values, marks=pytest.mark.thorough)


@pytest.fixture
def all_faults(request):
    """Return whether every fault is wanted."""
    return request.config.getoption('--all-faults')


@pytest.fixture
def counted(record_property):
    """Return a function that counts what happened; print the sums."""
    counts = collections.Counter()
    yield counts.update
    record_property('counts', dict(counts))
    print(json.dumps(counts))
