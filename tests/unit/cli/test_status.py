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

"""What ``status`` shows, and when."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import status


def test_begun():
    """The first plan is taken before the report, the others are not."""
    taken = []

    def plans(count):
        for number in range(count):
            taken.append(number)
            yield number

    rest = status.begun(plans(3))
    assert taken == [0]
    assert list(rest) == [0, 1, 2]
    assert list(status.begun(plans(0))) == []

    def trouble():
        raise exceptions.ConfigError('It is so.')
        yield

    with pytest.raises(exceptions.ConfigError):
        status.begun(trouble())
