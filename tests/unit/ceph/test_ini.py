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

"""The sections of a ceph.conf."""

import pytest

from rbd_mon_fix.ceph import ini as ceph_ini


@pytest.mark.parametrize('text, settings', [
    ('', {}),
    ('# c\n; d\n\n[global]\n\n# e\n\tmon_host = A\n', {'mon_host': 'A'}),
    ('mon_host=A\n', {'mon_host': 'A'}),
    ('[global]\nmon host = A\n', {'mon_host': 'A'}),
    ('[global]\nmon  host = A\n', {'mon_host': 'A'}),
    ('[global]\nmon\thost = A\n', {'mon_host': 'A'}),
    # librados recognizes neither of these as mon_host.
    ('[global]\nmon-host = A\n', {'mon-host': 'A'}),
    ('[global]\nMON_HOST = A\n', {'MON_HOST': 'A'}),
    ('[global]\na = 1\na = 2\n', {'a': '2'}),
    ('[global]\na b = 1\na_b = 2\n', {'a_b': '2'}),
    ('[global]\na = 1\n[x]\na = 3\n[global]\na = 2\n', {'a': '2'}),
    ('[global]\na = 1 # c\n', {'a': '1'}),
    ('[global]\na = 1 ; c\n', {'a': '1'}),
    ('[global]\na = 1;2\n', {'a': '1'}),
    ('[global]\na = 1\\;2\n', {'a': '1;2'}),
    ('[global]\na = 1\\\\\n', {'a': '1\\'}),
    ('[global]\na = 1, \\\n2\n', {'a': '1, 2'}),
    ('[global]\na = 1, \\\n\\\n2\nb = 3\n', {'a': '1, 2', 'b': '3'}),
    ('[global]\na = 1 # c \\\nb = 2\n', {'a': '1', 'b': '2'}),
    ('\\\n[global]\na = 1\n', {'a': '1'}),
    ('[global]\na = "1, 2" # c\n', {'a': '1, 2'}),
    ("[global]\na = '1'\n", {'a': '1'}),
    ('[global]\na = "1;2"\n', {'a': '1;2'}),
    ('[global]\na =\n', {'a': ''}),
    ('[global]\na = ""\n', {'a': ''}),
    ('[global]\na = b = c\n', {'a': 'b = c'}),
    ('[global]\r\na = 1\r\nb = 2\r\n', {'a': '1', 'b': '2'}),
    ('[global] # c\na = 1\n', {'a': '1'}),
    ('  [global]\na = 1\n', {'a': '1'}),
    ('[global]\na = 1', {'a': '1'}),
    ('[global]\na = 1 \\', {'a': '1'}),
    ('[ global ]\na = 1\n', {}),
])
def test_global(text, settings):
    assert ceph_ini.parse(text)['global'] == settings


def test_sections_keep_their_order_and_names():
    sections = ceph_ini.parse(
        '[mon.b]\nx = 1\n[client.cinder]\nx = 2\n[mon.a]\nx = 3\n')
    assert sections == {'global': {}, 'mon.b': {'x': '1'},
                        'client.cinder': {'x': '2'}, 'mon.a': {'x': '3'}}


@pytest.mark.parametrize('text, line', [
    ('[global]\nfoo\n', 2),
    ('[global\na = 1\n', 1),
    ('[global]\na = 1 \\\n2\nfoo\n', 4),
    ('[global]\na = "1\n', 2),
    ('[global]\na = "1" 2\n', 2),
    ('[global]\n= 1\n', 2),
    ('[global]\n = 1\n', 2),
    ('[]\n', 1),
])
def test_what_makes_no_sense(text, line):
    with pytest.raises(ValueError, match=f'line {line} '):
        ceph_ini.parse(text)
