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

"""Clouds and engines, as in the functional tests."""

import collections
import json

import pytest

from tests.functional.conftest import build_cloud  # noqa: F401
from tests.functional.conftest import engine  # noqa: F401
from tests.functional.conftest import libvirt_cache  # noqa: F401
from tests.functional.conftest import migrated  # noqa: F401


def pytest_addoption(parser):
    parser.addoption('--all-faults', action='store_true',
                     help='inject every fault, not a sample: takes hours')


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
