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

"""The environment of child processes."""

from rbd_mon_fix.model import environment


def test_no_credentials_reach_a_child():
    assert environment.of_child({
        'OS_PASSWORD': 'geheim', 'OS_TOKEN': 'geheim', 'PATH': '/bin',
        'LC_ALL': 'de_DE.UTF-8', 'CEPH_ARGS': '--debug'}) == {
            'PATH': '/bin', 'LC_ALL': 'C', 'CEPH_ARGS': '--debug'}
