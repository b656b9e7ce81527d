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

"""The digest of a plan."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from rbd_mon_fix.core import digest
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.record import fingerprint
from rbd_mon_fix.model.saved_plan import PlannedChange
from rbd_mon_fix.model.saved_plan import PlannedEdit
from tests.unit import memory

WHERE = memory.locator('domain', 1)
EDIT = PlannedEdit('vda', 'volumes/volume-a', 'ceph',
                   memory.addrs(memory.OLD), memory.addrs(memory.NEW))
ONE = PlannedChange(WHERE, 'a' * 64, 'b' * 64, (EDIT,))
TWO = dataclasses.replace(ONE, locator=memory.locator('domain', 2))


def test_equal_plans_have_equal_digests():
    assert digest.of([ONE, TWO]) == digest.of(iter([ONE, TWO]))


def test_its_form():
    """The digest of no change is the beginning of the SHA-256 of nothing."""
    assert digest.of([]) == 'e3b0-c442'


def test_what_is_different_has_another_digest():
    plans = [[], [ONE], [TWO], [ONE, TWO], [TWO, ONE], [ONE, ONE],
             [dataclasses.replace(ONE, before='c' * 64)],
             [dataclasses.replace(ONE, after='c' * 64)],
             *([dataclasses.replace(
                 ONE, locator=WHERE._replace(**{name: 'another'}))]
               for name in ('store', 'host', 'instance', 'key'))]
    found = list(map(digest.of, plans))
    assert len(set(found)) == len(plans)


@pytest.mark.parametrize('one, other', [*itertools.combinations([
    ('a', 'bc'), ('ab', 'c'), ('abc', ''), ('a", "b', 'c')], 2)])
def test_the_end_of_each_field_counts(one, other):
    assert digest.of([named(*one)]) != digest.of([named(*other)])


def named(host, instance):
    return dataclasses.replace(
        ONE, locator=WHERE._replace(host=host, instance=instance))


def test_no_change_is_kept():
    made = digest.Digest()
    made.add(dataclasses.replace(TWO) for _ in range(3))
    assert str(made) == digest.of([TWO] * 3)


@pytest.mark.parametrize('device, key, disk', [
    (None, 'vda', 'vda'), ('vdb', 'volume', 'vdb'), (None, 'volume', None)])
def test_planned(device, key, disk):
    old = memory.sheet(memory.OLD)
    new = old.edited({'vda': memory.NEW})
    edit = Edit(key, 'volumes/volume-a', 'ceph', memory.addrs(memory.OLD),
                memory.addrs(memory.NEW), memory.OLD, memory.NEW)
    change = Change(memory.record(WHERE, old, disk=device), new, (edit,))
    assert digest.planned(change) == PlannedChange(
        WHERE, fingerprint(old), fingerprint(new),
        (dataclasses.replace(EDIT, disk=disk),))
