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

"""The environment of child processes, and errors in starting them.

tests/unit/test_children.py looks at each child.
"""

import errno
import os

import pytest

from rbd_mon_fix.model import environment


def test_a_child_gets_a_few_variables_and_nothing_else():
    assert environment.of_child({
        'OS_PASSWORD': 'geheim', 'OS_TOKEN': 'geheim', 'PATH': '/bin',
        'HOME': '/root', 'LD_PRELOAD': '/x.so', 'LC_ALL': 'de_DE.UTF-8',
        'CEPH_ARGS': '--debug'}) == {
            'PATH': '/bin', 'HOME': '/root', 'LC_ALL': 'C'}


@pytest.mark.parametrize('number, unusable', [
    (errno.ENOENT, True), (errno.EACCES, True), (errno.ENOEXEC, True),
    (errno.EMFILE, False), (errno.ENFILE, False), (errno.ENOMEM, False),
    (errno.EAGAIN, False)])
def test_why_a_program_cannot_be_started(number, unusable):
    error = OSError(number, os.strerror(number))
    assert environment.is_unusable(error) is unusable
