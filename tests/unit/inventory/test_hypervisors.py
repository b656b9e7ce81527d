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

"""Whether a libvirt belongs to the compute host in question."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import cells as cells_module
from rbd_mon_fix.inventory import hypervisors
from rbd_mon_fix.inventory import local_host

HERE = local_host.LocalHost('cmp1', 'box.example.org')


@pytest.mark.parametrize('uri, named', [
    ('qemu:///system', True), ('qemu+tls://cmp1/system', True),
    ('qemu+unix:///system?socket=/run/x', True), ('qemu:///session', True),
    ('', True), ('alias', True), ('ch:///system', True),
    ('qemu:///embed?root=/srv', False), ('test:///default', False),
    ('test+tcp://cmp1/default', False)])
def test_drivers_that_stand_for_any_host(uri, named):
    assert hypervisors.has_host_name(uri) is named


@pytest.mark.parametrize('host, node, expected', [
    ('cmp1', 'node17', {'node17'}), ('cmp2', 'node17', {'node17'}),
    # Nova has no node of the host (any more).
    ('cmp1', None, {'cmp1', 'box.example.org'}), ('cmp2', None, {'cmp2'})])
def test_names_from_nova_s_database(nova, host, node, expected):
    nova.add_server(1, host)
    nova.tables.insert('compute_nodes', host='other', deleted=0,
                       hypervisor_hostname='other.example.org')
    if node:
        nova.tables.insert('compute_nodes', host=host, deleted=0,
                           hypervisor_hostname=node)
    assert hypervisors.names(host, cells_module.Cells(
        nova.tables.url, None), HERE) == expected


@pytest.mark.parametrize('host, expected', [
    ('cmp1', {'cmp1', 'box.example.org'}), ('cmp2', {'cmp2'}),
    ('box.example.org', {'box.example.org'})])
def test_names_without_nova_s_database(host, expected):
    assert hypervisors.names(host, None, HERE) == expected


@pytest.mark.parametrize('hostname, expected', [
    ('cmp1', ['cmp1']), ('cmp1', ['cmp1.example.org']),
    ('cmp1.example.org', ['cmp1']), ('node17', ['cmp1', 'node17'])])
def test_the_right_libvirt(hostname, expected):
    hypervisors.require(hostname, 'cmp1', expected)


@pytest.mark.parametrize('hostname, expected', [
    ('cmp2', ['cmp1']), ('cmp1', ['cmp2.example.org', 'cmp3']),
    ('cmp1.example.com', ['cmp1.example.org']), ('', ['cmp1']),
    ('localhost', ['cmp1'])])
def test_the_libvirt_of_another_host(hostname, expected):
    with pytest.raises(exceptions.Unreachable) as caught:
        hypervisors.require(hostname, 'H', expected)
    assert f'host H is on {hostname}' in caught.value.message
    assert all(name in caught.value.message for name in expected)
    assert '--libvirt-uri with {host}' in caught.value.hint
