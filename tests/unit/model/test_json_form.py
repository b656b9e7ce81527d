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

"""Errors in the form of JSON files."""

from __future__ import annotations

import pytest

from rbd_mon_fix.model import json_form

SCHEMA = {
    'type': 'object', 'required': ['name'], 'properties': {
        'name': {'type': 'string', 'minLength': 1, 'maxLength': 3},
        'version': {'const': 1},
        'kind': {'enum': ['one', 'other']},
        'digits': {'type': 'string', 'pattern': '^[0-9]+$'},
        'rows': {'type': 'array', 'minItems': 1, 'items': {
            'type': ['integer', 'null']}}}}


@pytest.mark.parametrize('document, words', [
    ([], 'the top level must be an object'),
    ({}, 'name is missing'),
    ({'name': ''}, 'name is empty'),
    ({'name': 'abcd'}, 'name is longer than 3 characters'),
    ({'name': 'a', 'version': 2}, 'version must be 1'),
    ({'name': 'a', 'kind': 'SECRET'}, 'kind must be one or other'),
    ({'name': 'a', 'digits': 'SECRET'},
     'digits has another form than ^[0-9]+$'),
    ({'name': 'a', 'rows': []}, 'rows is empty'),
    ({'name': 'a', 'rows': [1, 'SECRET']},
     'rows[1] must be a whole number or null')])
def test_an_error_names_its_place_and_quotes_nothing(document, words):
    with pytest.raises(json_form.Misfit) as caught:
        json_form.check(document, SCHEMA)
    assert str(caught.value) == words


def test_what_fits():
    json_form.check({'name': 'abc', 'rows': [None], 'more': 1}, SCHEMA)
