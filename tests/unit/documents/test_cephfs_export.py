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

"""Export locations of CephFS."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import cephfs_export


@pytest.mark.parametrize('location, monitors', [
    ('192.0.2.1:6789:/volumes/a', ['192.0.2.1:6789']),
    ('192.0.2.1:6789,192.0.2.2:6789:/a/b:/c',
     ['192.0.2.1:6789', '192.0.2.2:6789']),
    (' 192.0.2.1:/\n', ['192.0.2.1']),
    ('[2001:db8::1]:6789,[2001:db8::2]:3300:/a',
     ['[2001:db8::1]:6789', '[2001:db8::2]:3300']),
    ('mon.example:6789:/a', ['mon.example:6789']),
    ('client@6d0fd8d5-5c9c-4b1e-9fd0-7c1f3a0a5a01.cephfs=/a', []),
])
def test_monitors(location, monitors):
    assert list(map(str, cephfs_export.monitors(location))) == monitors


@pytest.mark.parametrize('location', [
    '', 'nothing', '192.0.2.1:6789', ':/a', '192.0.2.1:99999:/a',
    '192.0.2.1:6789,:/a'])
def test_unreadable(location):
    with pytest.raises(exceptions.Unreadable):
        cephfs_export.monitors(location)
