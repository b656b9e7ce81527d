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

"""UUIDs of secrets, in any spelling."""

from __future__ import annotations

import pytest

from rbd_mon_fix.model import secret

UUID = 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'


@pytest.mark.parametrize('text, canonical', [
    (UUID, UUID), (UUID.upper(), UUID), (UUID.replace('-', ''), UUID),
    (f'{{{UUID}}}', UUID), (None, None), ('', None), ('S', 'S'),
    (UUID + '0', UUID + '0')])
def test_canonical(text, canonical):
    assert secret.canonical(text) == canonical
