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

"""The rule of two readings."""

from __future__ import annotations

import pytest

from rbd_mon_fix.core import census
from rbd_mon_fix.model.census import Image
from rbd_mon_fix.model.census import Reading
from rbd_mon_fix.model.census import Watcher

WEB = Image('vms', '', 'web')
GUEST = Watcher(WEB, 7, '192.0.2.1:0/1')


def reading(a=(), b=(), watchers=(GUEST,), silent=(), unread=()):
    """Return a reading; a and b are the clients of monitors."""
    told = {'a': frozenset(a), 'b': frozenset(b)}
    return Reading(frozenset(watchers),
                   {name: found for name, found in told.items()
                    if name not in silent},
                   dict.fromkeys(silent, 'down'), dict.fromkeys(unread, 'bad'))


@pytest.mark.parametrize('first, leaving, expected', [
    (reading(a=[7]), (), []),
    (reading(a=[7], b=[7]), ('a',), []),
    (reading(a=[7]), ('a',), [WEB]),
    (reading(a=[8]), (), [WEB]),
    (reading(watchers=()), (), []),
    (reading(watchers=[GUEST, Watcher(WEB, 8, '')]), (), [WEB])])
def test_images_to_read_again(first, leaving, expected):
    assert census.suspicious(first, leaving) == expected


@pytest.mark.parametrize('first, second, leaving, expected', [
    # What must not be called stranded comes first.
    (reading(a=[7]), None, (), ('following', 'a', True)),
    (reading(), reading(b=[7]), (), ('following', 'b', True)),
    (reading(), reading(watchers=()), (), None),
    (reading(a=[7]), reading(a=[7]), ('a',), ('following', 'a', False)),
    (reading(a=[7]), reading(b=[7]), ('a',), ('following', 'ab', True)),
    (reading(silent='a'), reading(), (), ('unknown', '', False)),
    (reading(), reading(silent='a'), (), ('unknown', '', False)),
    (reading(a=[7], silent='b'), reading(a=[7], silent='b'), ('a',),
     ('following', 'a', False)),
    (reading(), reading(watchers=(), unread=[WEB]), (),
     ('unknown', '', False)),
    # A monitor that has stopped before it is removed has no clients.
    (reading(silent='a'), reading(), ('a',), ('stranded', '', False)),
    (reading(), reading(), (), ('stranded', '', False)),
    (reading(a=[8]), reading(b=[8]), (), ('stranded', '', False))])
def test_two_readings(first, second, leaving, expected):
    found = [(each.state.value, ''.join(each.monitors), each.ready)
             for each in census.judge(first, second, leaving)]
    assert found == ([expected] if expected else [])


def test_a_watcher_of_the_second_reading_only_does_not_count():
    late = Watcher(WEB, 8, '192.0.2.2:0/1')
    found = census.judge(reading(), reading(watchers=[GUEST, late]), ())
    assert [each.watcher for each in found] == [GUEST]


def test_names_of_images():
    assert str(WEB) == 'vms/web'
    assert str(Image('vms', 'tenant', 'web')) == 'vms/tenant/web'
