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

"""Records and the fingerprints of their documents."""

import hashlib

import pytest

from rbd_mon_fix.documents import connection_info
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import fingerprint
from tests.unit import memory


@pytest.mark.parametrize('text', ['', 'x', 'x\n', '\u00e4 \U0001f600'])
def test_the_fingerprint_is_the_sha_256_of_the_text(text):
    assert fingerprint(memory.Sheet(text)) == hashlib.sha256(
        text.encode('utf-8')).hexdigest()


@pytest.mark.parametrize('one, other', [
    ('a', 'A'), ('a', 'a '), ('a', 'a\n'), ('', ' '),
    ('\u00e4', 'a\u0308'),
])
def test_the_fingerprint_tells_every_byte(one, other):
    assert fingerprint(memory.Sheet(one)) != fingerprint(memory.Sheet(other))


def test_a_record_does_not_show_the_text_of_its_document():
    document = connection_info.ConnectionInfo.parse(
        '{"driver_volume_type": "rbd", "name": "p/i", "hosts": ["10.0.0.1"],'
        ' "ports": ["6789"], "keyring": "AQBSECRET=="}')
    shown = repr(Record(memory.locator('nova-bdm', 1), document))
    assert 'p/i' in shown
    assert 'SECRET' not in shown
