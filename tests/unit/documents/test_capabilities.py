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

"""The user of QEMU in libvirt's capabilities."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import capabilities

APPARMOR = '''<secmodel><model>apparmor</model><doi>0</doi></secmodel>'''
DAC = '''<secmodel><model>dac</model><doi>0</doi>
<baselabel type='kvm'>{0}</baselabel><baselabel type='qemu'>{0}</baselabel>
</secmodel>'''


@pytest.mark.parametrize('models, expected', [
    ([], None), ([APPARMOR], None),
    ([DAC.format('+64055:+108')], (64055, 108)),
    ([APPARMOR, DAC.format('+0:+0')], (0, 0)),
    ([DAC.format('qemu:qemu')], None),
])
def test_ids(models, expected):
    xml = (f'<capabilities><host><uuid>u</uuid>{"".join(models)}</host>'
           '<guest/></capabilities>')
    assert capabilities.qemu_ids(xml) == expected


def test_what_is_no_xml():
    with pytest.raises(exceptions.Unreadable):
        capabilities.qemu_ids('<capabilities>')
