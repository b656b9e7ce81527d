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

"""Answers that are not Nova's."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_answers

WHOLE = {'id': 'u', 'name': None, 'OS-EXT-SRV-ATTR:host': 'h',
         'OS-EXT-STS:vm_state': 'active', 'OS-EXT-STS:task_state': None,
         'locked': False, 'locked_reason': None, 'of no concern': 7}
DOWN = {'id': 'u', 'status': 'UNKNOWN'}


def without(key):
    return {each: WHOLE[each] for each in WHOLE if each != key}


@pytest.mark.parametrize('answer', [
    WHOLE, DOWN, without('OS-EXT-SRV-ATTR:host'), without('locked_reason')])
def test_a_server(answer):
    assert nova_answers.server(answer) == answer


@pytest.mark.parametrize('answer', [
    None, [], 'x', 7, {}, {**DOWN, 'id': 7}, {**DOWN, 'id': None},
    {**DOWN, 'id': '\ud800'}, without('name'),
    without('OS-EXT-STS:task_state'), without('locked'),
    {**WHOLE, 'name': []}, {**WHOLE, 'OS-EXT-SRV-ATTR:host': 7},
    {**WHOLE, 'OS-EXT-STS:vm_state': None}, {**WHOLE, 'locked': 'yes'},
    {**WHOLE, 'locked_reason': {}}, {**WHOLE, 'name': 'a\udfff'}])
def test_what_is_no_server(answer):
    with pytest.raises(exceptions.ConfigError, match="like Nova's API"):
        nova_answers.server(answer)
    with pytest.raises(exceptions.ConfigError, match="like Nova's API"):
        nova_answers.servers({'servers': [WHOLE, answer]})


@pytest.mark.parametrize('links, expected', [
    ([], False), ([{'rel': 'next'}], True), ([{'rel': 'previous'}], False)])
def test_the_next_page(links, expected):
    assert nova_answers.has_next({'servers_links': links}) is expected
    assert nova_answers.has_next({}) is False


@pytest.mark.parametrize('read, answer', [
    (nova_answers.servers, {'servers': {}}),
    (nova_answers.has_next, {'servers_links': 7}),
    (nova_answers.has_next, {'servers_links': [{}]}),
    (nova_answers.services, {'services': None}),
    (nova_answers.services, {'services': [{'host': 'h'}]}),
    (nova_answers.services, {'services': [{'host': 1, 'status': 'up'}]})])
def test_what_is_no_list(read, answer):
    with pytest.raises(exceptions.ConfigError, match="like Nova's API"):
        read(answer)
