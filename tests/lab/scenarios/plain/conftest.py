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

"""Fixtures of scenarios with a second cluster that has the same names."""

from __future__ import annotations

from typing import Callable, Iterator

import pytest

from lab import ceph
from lab import inside
from lab import mons
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios.plain import rivals


@pytest.fixture(scope='session')
def left(lab: inside.Lab) -> tuple[mons.Monitor, ...]:
    """Return the monitors that the lab's cluster had before it moved."""
    before = lab.cluster.monitors()
    lab.move_monitors(())
    return before


@pytest.fixture(scope='session')
def rival(lab: inside.Lab) -> Iterator[ceph.Cluster]:
    """Return a cluster with the pools, the user and the key of the lab's."""
    cluster = ceph.Cluster(rivals.CONF, rivals.ADDRESS, lab.services)
    cluster.start(rivals.FIRST)
    cluster.share_key(lab.cluster)
    yield cluster
    cluster.stop()


@pytest.fixture(scope='module')
def operate(tmp_path_factory: pytest.TempPathFactory
            ) -> Callable[..., operators.Operator]:
    """Return a function that makes an operator with a config of its own.

    The arguments are a cinder.conf, empty for none, and lines to add to the
    config file of rbd-mon-fix. Each operator has a journal of its own, since
    a backend always leads to the same cluster within one journal.
    """
    def make(cinder: str, *lines: str) -> operators.Operator:
        folder = tmp_path_factory.mktemp('operator')
        own = folder / 'rbd-mon-fix.conf'
        given = ['[DEFAULT]', f'journal_dir = {folder}']
        if cinder:
            (folder / 'cinder.conf').write_text(cinder)
            given.append(f'cinder_config_file = {folder}/cinder.conf')
        own.write_text('\n'.join((*given, *lines, '')))
        return operators.Operator(options=('--config-file', str(own)))

    return make
