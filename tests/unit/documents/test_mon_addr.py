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

"""Addresses of monitors, including monitors without an address yet."""

from __future__ import annotations

import pytest

from rbd_mon_fix.documents import mon_addr
from rbd_mon_fix.model.monmap import MonAddr


@pytest.mark.parametrize('host, port, addr, usable', [
    ('10.0.0.1', '6789', MonAddr('10.0.0.1', 6789), True),
    ('10.0.0.1', None, MonAddr('10.0.0.1', None), True),
    ('fd00::1', '3300', MonAddr('fd00::1', 3300), True),
    ('[fd00::1]', '3300', MonAddr('fd00::1', 3300), False),
    ('0.0.0.0', '0', MonAddr('0.0.0.0', 0), False),
    ('0.0.0.0', 0, MonAddr('0.0.0.0', 0), False),
    ('0.0.0.0', None, MonAddr('0.0.0.0', 0), False),
    ('0.0.0.0', '6789', MonAddr('0.0.0.0', 6789), False),
    ('::', '0', MonAddr('::', 0), False),
    ('0:0::0', '', MonAddr('::', 0), False),
    ('', '', MonAddr('0.0.0.0', 0), False),
    ('', None, MonAddr('0.0.0.0', 0), False)])
def test_addresses(host, port, addr, usable):
    assert mon_addr.read(host, port) == addr
    assert mon_addr.is_usable(host, addr) is usable


@pytest.mark.parametrize('host, port', [
    ('', '6789'), ('', '0'), ('10.0.0.1', '0'), ('fd00::1', 0),
    (None, None), (None, '6789'), ('0.0.0.0', 'x'), ('mon1', '0')])
def test_what_is_no_address(host, port):
    with pytest.raises(ValueError):
        mon_addr.read(host, port)
