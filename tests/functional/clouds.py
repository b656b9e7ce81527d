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

"""Clouds for the functional tests and the faults; each test gets its own.

A plugin, so that one process has one engine of each kind for both.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import os
import pathlib
import shutil
from typing import Callable, Iterator

import pytest

from tests.cloud import building
from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import domains
from tests.cloud import shape
from tests.functional import releases
from tests.functional import servers


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
def migrated(engine, tmp_path_factory
             ) -> Callable[[str, str], databases_module.Databases]:
    """Return the schema of a release on an engine, to be cloned.

    The migrations run in one of the test processes; the others wait for it,
    and load what it has saved.
    """
    shared = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        shared = shared.parent

    @functools.lru_cache(maxsize=None)
    def migrate(release: str, name: str) -> databases_module.Databases:
        databases = engine(name).create(f'{release.replace("-", "_")}_')
        saved = shared / f'schema-{release}-{name}'
        with _locked(saved.with_suffix('.lock')):
            if saved.exists():
                engine(name).load(databases, saved)
            else:
                databases_module.migrate(
                    releases.nova_python(release), databases)
                made = saved.with_suffix('.new')
                made.mkdir()
                engine(name).save(databases, made)
                made.rename(saved)
        return databases
    return migrate


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    """Keep other processes out of a block."""
    with path.open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
