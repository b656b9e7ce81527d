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

"""The members of a JSON object, and where they are in the text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.documents import json_members

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.dictionaries(st.text(), VALUES), st.booleans(),
       st.sampled_from([None, 1, '\t']),
       st.sampled_from([(',', ':'), (', ', ': '), (' ,\n', ' :\r\n')]))
def test_each_span_is_the_value(members, escapes, indent, separators):
    text = json.dumps(members, ensure_ascii=escapes, indent=indent,
                      separators=separators)
    found = json_members.spans(text, 0)
    assert list(found) == list(members)
    for name, (start, end) in found.items():
        assert json.loads(text[start:end]) == members[name]
        assert text[start:end] == text[start:end].strip()


@pytest.mark.parametrize('text, expected', [
    ('{}', {}), ('{ "a" : 1 }', {'a': '1'}),
    ('{"a": 1, "a": [2]}', {'a': '[2]'}),
    (r'{"a\u0062": "\"", "c": "d"}', {'ab': r'"\""', 'c': '"d"'}),
    ('{"a": ["]", "{"], "b": -1.5e+3}', {'a': '["]", "{"]', 'b': '-1.5e+3'}),
    ('{"a": [[1], {"b": 2}], "c": {}}', {'a': '[[1], {"b": 2}]', 'c': '{}'}),
])
def test_members(text, expected):
    assert {name: text[start:end] for name, (start, end)
            in json_members.spans(text, 0).items()} == expected


@given(st.dictionaries(st.sampled_from(['a', 'hosts', 'data']) | st.text(),
                       VALUES | st.just('hosts') | st.lists(st.text()),
                       min_size=1),
       st.data(), st.booleans())
def test_only_list_is_the_value(members, data, escapes):
    """If it finds one, it is the very span that ``spans`` finds."""
    text = json.dumps(members, ensure_ascii=escapes)
    name = data.draw(st.sampled_from(sorted(members)))
    span = json_members.only_list(text, name)
    assert span in (None, json_members.spans(text, 0)[name])


@pytest.mark.parametrize('text, expected', [
    ('{"a": 1, "hosts": ["b", "c"]}', '["b", "c"]'),
    ('{"data": {"hosts" :\n[]}}', '[]'),
    ('{"hosts": ["b"], "data": {"hosts": ["c"]}}', None),
    ('{"a": "hosts", "hosts": ["b"]}', None),
    ('{"hosts": ["b"], "hosts": ["c"]}', None),
    ('{"hosts": ["\\u0062"]}', None), ('{"hosts": [["b"]]}', None),
    ('{"hosts": "b"}', None),
])
def test_only_list(text, expected):
    span = json_members.only_list(text, 'hosts')
    assert (text[slice(*span)] if span else None) == expected


def test_spliced():
    text, spans = json_members.spliced('ab--cd', {(4, 6): 'x', (0, 2): 'yyy'})
    assert text == 'yyy--x'
    assert spans == {(4, 6): (5, 6), (0, 2): (0, 3)}
