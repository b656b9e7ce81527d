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

"""Fixtures for the tests of clients."""

from unittest import mock

import pytest

from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.clients import waiting


@pytest.fixture
def hypervisor():
    """Return libvirt's test driver with its default domain."""
    opened = libvirt.connect('test:///default')
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def patience():
    """Wait until a connection is closed, however busy the machine is.

    libvirt's test driver keeps its domains while any connection is open.
    """
    with mock.patch.object(waiting, 'GRACE', 30.0):
        yield
