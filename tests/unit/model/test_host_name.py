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

"""Short and full names of one machine."""

import pytest

from rbd_mon_fix.model import host_name

SHORT, FULL, OTHER = 'box', 'box.example.com', 'box.example.org'


@pytest.mark.parametrize('one, other, same', [
    (SHORT, SHORT, True), (FULL, FULL, True), (SHORT, FULL, True),
    (FULL, OTHER, False), (SHORT, 'box2', False), (FULL, 'box2', False),
    (FULL, '', False), (SHORT, '', False), ('b', SHORT, False)])
def test_names_of_one_machine(one, other, same):
    assert host_name.is_same(one, other) is same
    assert host_name.is_same(other, one) is same
