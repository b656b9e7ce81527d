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

"""UUIDs by their first digits."""

import pytest

from rbd_mon_fix.report import short_ids

ONE = '0a63b40b-c2ae-5c5f-8f5e-2f6f2b1a7c11'
ALIKE = '0a63b40b-0000-5c5f-8f5e-2f6f2b1a7c11'
OTHER = '41265bce-c2ae-5c5f-8f5e-2f6f2b1a7c11'


@pytest.mark.parametrize('ids, shown', [
    ([ONE, OTHER, ONE], {ONE: '0a63b40b', OTHER: '41265bce'}),
    ([ONE, ALIKE, OTHER], {ONE: ONE, ALIKE: ALIKE, OTHER: '41265bce'}),
    (['instance-0000001a'], {'instance-0000001a': 'instance-0000001a'}),
    ([], {})])
def test_short(ids, shown):
    assert short_ids.short(ids) == shown
