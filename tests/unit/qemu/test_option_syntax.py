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

"""The syntax of QEMU's options, and the limits of our parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies
import pytest

from rbd_mon_fix.qemu import option_syntax


@pytest.mark.parametrize('word, implied, tree', [
    ('', 'driver', {'driver': ''}), ('', '', {}), ('rbd', '', {}),
    ('rbd,a=1', 'driver', {'driver': 'rbd', 'a': '1'}),
    ('a=x,,y,b=', '', {'a': 'x,y', 'b': ''}),
    ('a.0.b=1,a.1.b=2', '', {'a': {'0': {'b': '1'}, '1': {'b': '2'}}}),
    ('f=x,f.a=1', '', {'f': {'filename': 'x', 'a': '1'}}),
    ('.=1,..=2', '', {'': {'': {'': '2', 'filename': '1'}}}),
    ('{"a": 1, "b": [1.5, null, true]}', 'driver',
     {'a': '1', 'b': [1.5, None, True]}),
    ('{"a": ' + '9' * 5000 + '}', '', {'a': '9' * 5000}),
])
def test_trees(word, implied, tree):
    assert option_syntax.tree(word, implied) == tree


@pytest.mark.parametrize('word, reason', [
    ('{', 'not valid JSON'), ('{"a":' * 100000, 'nested too deeply'),
    ('a.' * 33 + 'a=1', 'nested too deeply'),
    ('a' * (option_syntax.MAX_LENGTH + 1), 'longer than 1 MiB'),
    ('{' * (option_syntax.MAX_LENGTH + 1), 'longer than 1 MiB'),
])
def test_what_is_too_much(word, reason):
    with pytest.raises(option_syntax.Malformed, match=reason):
        option_syntax.tree(word, '')


@pytest.mark.parametrize('text', ['[]', '1', 'null', '"x"'])
def test_json_that_is_no_object(text):
    with pytest.raises(option_syntax.Malformed, match='not a JSON object'):
        option_syntax.from_json(text)


@given(strategies.lists(strategies.text(strategies.characters(
    blacklist_characters=':\\'), max_size=5), min_size=1))
def test_escaped_parts_round_trip(parts):
    text = ':'.join(''.join(f'\\{each}' for each in part) for part in parts)
    assert [option_syntax.unescaped(part)
            for part in option_syntax.split(text, ':')] == parts
