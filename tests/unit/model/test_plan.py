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

"""Copies, edits and plans as values."""

import dataclasses

import pytest

from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from tests.unit import memory

WHERE = memory.locator('nova-bdm', 1)
EDIT = Edit('vda', 'volumes/a', 'ceph', memory.addrs(memory.OLD),
            memory.addrs(memory.NEW), memory.OLD, memory.NEW)


def change(where=WHERE, *edits, noise=''):
    old = memory.Sheet(f'#{noise}\n{memory.sheet(memory.OLD).text}')
    return Change(Record(where, old),
                  old.edited({'vda': memory.NEW}), edits or (EDIT,))


def digest(*changes):
    return Plan((), changes).digest


@pytest.mark.parametrize('state, expected', [
    (State.CURRENT, False), (State.DRIFTED, True), (State.STALE, True),
    (State.UNKNOWN_CLUSTER, False), (State.UNREADABLE, False),
])
def test_wrong(state, expected):
    copy = Copy(WHERE, memory.instances(1)[WHERE.instance], None, None, None,
                (), state)
    assert copy.wrong is expected


def test_the_inverse_of_the_inverse_is_the_edit():
    inverse = EDIT.inverse()
    assert (inverse.old, inverse.old_verbatim) == (EDIT.new, memory.NEW)
    assert (inverse.new, inverse.new_verbatim) == (EDIT.old, memory.OLD)
    assert (inverse.disk, inverse.image, inverse.cluster) == (
        EDIT.disk, EDIT.image, EDIT.cluster)
    assert inverse.inverse() == EDIT


@pytest.mark.parametrize('image', ['vms/disk', 'vms/space/disk'])
def test_the_pool_of_an_edit(image):
    assert dataclasses.replace(EDIT, image=image).pool == 'vms'


def test_a_change_is_where_its_record_is():
    assert change().locator == WHERE


def test_the_digest_is_of_what_is_changed_alone():
    copy = Copy(WHERE, memory.instances(1)[WHERE.instance], None, None, None,
                (), State.STALE)
    first = change(noise='one keyring')
    assert Plan((copy,), (first,)).digest == digest(
        change(noise='another')) == digest(first)
    assert len(digest()) == 64


@pytest.mark.parametrize('other', [
    (),
    (change(), change(memory.locator('nova-bdm', 2))),
    (change(memory.locator('nova-bdm', 2)),),
    (change(memory.locator('domain', 1)),),
    (change(dataclasses.replace(WHERE, key='8')),),
    (change(dataclasses.replace(WHERE, host='cmp2')),),
    (change(WHERE, dataclasses.replace(EDIT, disk='vdb')),),
    (change(WHERE, dataclasses.replace(EDIT, image='vms/a')),),
    (change(WHERE, dataclasses.replace(EDIT, old_verbatim='x')),),
    (change(WHERE, dataclasses.replace(EDIT, new_verbatim='x')),),
    (change(WHERE, EDIT, EDIT),),
])
def test_the_digest_tells_plans_apart(other):
    assert digest(*other) != digest(change())


def test_the_digest_does_not_run_words_together():
    one = dataclasses.replace(EDIT, disk='a', image='bc')
    other = dataclasses.replace(EDIT, disk='ab', image='c')
    assert digest(change(WHERE, one)) != digest(change(WHERE, other))
    assert digest(change(Locator('s', 'h', 'i', 'k'))) != digest(
        change(Locator('s', 'hi', '', 'k')))
