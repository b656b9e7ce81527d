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

"""Clouds for the functional tests; each test gets its own."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import pathlib
import shutil
from typing import Callable, Iterator

import pytest

from rbd_mon_fix.clients import libvirt as clients_libvirt
from tests.cloud import building
from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import domains
from tests.cloud import shape
from tests.functional import guests
from tests.functional import servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The oldest and the newest supported release of Nova: the names of venvs
# that tools/nova_venv.sh creates.
RELEASES = ('nova-26', 'nova-latest')
ENGINES = ('sqlite', 'mariadb', 'postgresql')
ALL = [pytest.param((release, engine), id=f'{release}-{engine}')
       for release, engine in itertools.product(RELEASES, ENGINES)]


def nova_python(release: str) -> str:
    """Return the interpreter of a venv with a release of Nova and Cinder."""
    folder = os.environ.get('RBD_MON_FIX_NOVA_VENVS', ROOT / '.tox')
    python = pathlib.Path(folder, release, 'bin', 'python')
    assert python.exists(), f'make it: tools/nova_venv.sh {release}'
    return str(python)


@pytest.fixture(scope='session')
def engine(tmp_path_factory) -> Iterator[Callable[[str], servers.Engine]]:
    """Return a function that starts engines on demand, by name."""
    with contextlib.ExitStack() as stack:
        start = {
            'sqlite': lambda: servers.SQLite(tmp_path_factory.mktemp('db')),
            'mariadb': lambda: stack.enter_context(servers.mariadb()),
            'postgresql': lambda: stack.enter_context(servers.postgresql()),
        }
        yield functools.lru_cache(maxsize=None)(lambda name: start[name]())


@pytest.fixture(scope='session')
def migrated(engine) -> Callable[[str, str], databases_module.Databases]:
    """Return the schema of a release on an engine, to be cloned."""
    @functools.lru_cache(maxsize=None)
    def migrate(release: str, name: str) -> databases_module.Databases:
        databases = engine(name).create(f'{release.replace("-", "_")}_')
        databases_module.migrate(nova_python(release), databases)
        return databases
    return migrate


@pytest.fixture(scope='session')
def libvirt_cache(tmp_path_factory) -> pathlib.Path:
    """Return a root of the embedded libvirt that has already probed QEMU."""
    root = tmp_path_factory.mktemp('libvirt')
    domains.define(root, [documents.domain_xml(shape.Server('probe'))])
    return root / 'cache'


@pytest.fixture
def build_cloud(tmp_path, engine, migrated, libvirt_cache):
    """Return a function that builds clouds of any shape.

    :param servers: the servers of the cloud
    :param release: of Nova and Cinder
    :param on: the engine that holds the databases
    """
    with contextlib.ExitStack() as stack:
        numbers = itertools.count()

        def build(servers=None, release='nova-latest', on='sqlite'):
            number = next(numbers)
            folder = tmp_path / f'cloud-{number}'
            shutil.copytree(libvirt_cache, folder / 'libvirt' / 'cache')
            databases = engine(on).clone(
                migrated(release, on), f'test_{number}_')
            stack.callback(engine(on).drop, databases)
            return building.build(folder, databases,
                                  servers or shape.standard())
        yield build


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
