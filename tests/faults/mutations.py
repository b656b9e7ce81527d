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

"""Contents that are almost valid."""

from __future__ import annotations

from hypothesis import strategies

from tests.faults import readers

# What readers of JSON, XML, INI files and command lines stumble over.
TOKENS = (
    b'', b'\0', b'\n', b'\r', b' ', b'\t', b',', b';', b':', b'=', b'/', b'.',
    b'"', b"'", b'\\', b'%', b'$', b'$x', b'${host}', b'#', b'<', b'>', b'&',
    b'[', b']', b'{', b'}', b'-1', b'0', b'1e999', b'99999999999999999999',
    b'NaN', b'null', b'true', b'{}', b'[]', b'""', b'"\\ud800"', b'\\u0000',
    b'\\udfff', b'\xff', b'\xed\xa0\x80', b'\xc3\xa4', b'\xe2\x80\xae',
    b'\xf0\x9f\x98\x80', b'&#0;', b'&apos;', b'<!-- ', b' -->', b'<![CDATA[',
    b']]>', b'<!DOCTYPE a>', b'<a>' * 2000, b'[' * 2000, b'{"a":' * 2000,
    b'../', b'{0}', b'%s', b'_' * 5000, b'\xd9\xa1', b'::1', b'fe80::1%"',
    b'[::1]', b'0.0.0.0:0/1', b':/0')


@strategies.composite
def contents(draw: strategies.DrawFn, reader: readers.Reader) -> bytes:
    """Return a seed of a reader with some parts replaced."""
    content = draw(strategies.sampled_from(reader.seeds))
    for _ in range(draw(strategies.integers(0, 4))):
        start = draw(strategies.integers(0, len(content)))
        end = start + draw(strategies.sampled_from((0, 0, 1, 1, 2, 9, 60)))
        new = draw(strategies.one_of(
            strategies.sampled_from(TOKENS), strategies.binary(max_size=8),
            _parts(content)))
        content = content[:start] + new + content[end:]
    return content


def _parts(content: bytes) -> strategies.SearchStrategy[bytes]:
    """Return parts of a content, to be repeated elsewhere in it."""
    numbers = strategies.integers(0, len(content))
    return strategies.tuples(numbers, numbers).map(
        lambda ends: content[min(ends):max(ends)])
