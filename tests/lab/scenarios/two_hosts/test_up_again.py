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

"""A service of the second host does not come up."""

from __future__ import annotations

import pytest

from lab import errors

CONF = '/etc/libvirt/libvirtd.conf'


def test_a_service_that_does_not_come_up(lab, second):
    conf = second.path(CONF)
    kept = conf.read_text()
    lab.services.stop('libvirtd-lab2')
    conf.write_text(f'{kept}broken\n')
    with pytest.raises(errors.LabError) as caught:
        lab.up('openstack')
    assert 'libvirtd-lab2 ended' in str(caught.value)
    assert CONF in str(caught.value).split('the end of')[1]
    conf.write_text(kept)
    lab.up('openstack')
    assert 'libvirtd-lab2' in lab.services.running()
