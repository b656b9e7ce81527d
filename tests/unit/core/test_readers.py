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

"""The table of the operations that read each store."""

from __future__ import annotations

import re

import pytest

from rbd_mon_fix.core import readers
from rbd_mon_fix.core.readers import DiskKind
from rbd_mon_fix.model.plan import HANDED_ON
from rbd_mon_fix.stores import registry


@pytest.mark.parametrize('row', readers.ROWS, ids=lambda row: ' '.join(
    (row.store, row.operation.value, *(kind.name for kind in row.kinds))))
def test_each_row_names_its_source(row):
    assert re.match(r'(driver|manager)\.py, \w|nova/virt/libvirt/\w+\.py, \w|'
                    r'libvirt, src/qemu/\w+\.c', row.source)
    assert row.store in registry.SPECS and row.kinds
    # A state that Nova does not have would never apply.
    assert set(row.states) <= set(readers.STATES) and row.states


@pytest.mark.parametrize('kind', DiskKind)
def test_no_rule_stands_twice(kind):
    found = [(row.store, row.operation) for row in readers.ROWS
             if kind in row.kinds]
    assert len(found) == len(set(found))


def test_what_is_handed_on_is_read_from_the_running_guest():
    """Only copies that cannot be changed are judged by it."""
    assert {row.store for row in readers.ROWS
            if row.operation in HANDED_ON} == {'live-domain'}
