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

"""Images mapped by the kernel."""

from __future__ import annotations

from rbd_mon_fix.clients import krbd

FSID = '6d0fd8d5-5c9c-4b1e-9fd0-7c1f3a0a5a01'


def test_nothing_where_there_is_no_krbd(tmp_path):
    assert list(krbd.devices(str(tmp_path / 'nowhere'))) == []


def test_what_the_kernel_tells(tmp_path):
    for number in '01':
        (tmp_path / number).mkdir()
        (tmp_path / number / 'pool').write_text('vms\n')
        (tmp_path / number / 'name').write_text(f'disk-{number}\n')
    (tmp_path / '1' / 'cluster_fsid').write_text(f'{FSID.upper()}\n')
    (tmp_path / '1' / 'config_info').write_text(
        '192.0.2.1:6789,192.0.2.2:6789 name=admin,secret=sesame vms disk -\n')
    first, second = krbd.devices(str(tmp_path))
    assert first == krbd.KrbdDevice('rbd0', 'vms/disk-0', None, '')
    assert second == krbd.KrbdDevice(
        'rbd1', 'vms/disk-1', FSID, '192.0.2.1:6789,192.0.2.2:6789')
    assert 'sesame' not in repr(second)
