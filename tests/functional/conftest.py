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

"""The usual clouds, and the libvirt that is embedded in this process."""

from __future__ import annotations

import itertools
import pathlib
from typing import Iterator

import pytest

from rbd_mon_fix.clients import libvirt as clients_libvirt
from tests.cloud import building
from tests.functional import guests
from tests.functional import releases

pytest_plugins = ['tests.functional.clouds']

ALL = [pytest.param((release, engine), id=f'{release}-{engine}')
       for release, engine in itertools.product(releases.RELEASES,
                                                releases.ENGINES)]


@pytest.fixture
def cloud(build_cloud) -> building.Cloud:
    """Return the usual cloud on the newest release and SQLite."""
    return build_cloud()


@pytest.fixture(params=ALL)
def any_cloud(request, build_cloud) -> building.Cloud:
    """Return the usual cloud on each release and each engine in turn."""
    release, engine_name = request.param
    return build_cloud(release=release, on=engine_name)


@pytest.fixture(scope='session')
def root(tmp_path_factory) -> pathlib.Path:
    """Return the root of libvirt's embedded driver in this process.

    A process can have only one root in its lifetime.
    """
    root = tmp_path_factory.mktemp('root')
    (root / 'etc').mkdir()
    (root / 'etc' / 'qemu.conf').write_text(guests.QEMU_CONF)
    return root


@pytest.fixture(scope='session')
def hypervisor(root) -> Iterator[clients_libvirt.Hypervisor]:
    """Return the libvirt that is embedded in this process."""
    hypervisor = clients_libvirt.connect(f'qemu:///embed?root={root}')
    yield hypervisor
    hypervisor.close()
