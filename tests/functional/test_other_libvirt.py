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

"""A libvirt URI that leads to another compute host, with a real libvirtd."""

from __future__ import annotations

import pytest

from tests.cloud import documents
from tests.cloud import shape
from tests.functional import libvirtd
from tests.functional import operator

SERVERS = (shape.Server('here', (shape.stale('here'),)),
           shape.Server('there', (shape.stale('there'),), host='cmp2'))


@pytest.fixture
def daemon(tmp_path):
    """Return the libvirtd of cmp1, with its full name."""
    with libvirtd.running(tmp_path / 'a', 'cmp1.example.org') as daemon:
        with daemon.connected() as connection:
            connection.defineXML(documents.domain_xml(SERVERS[0]))
        yield daemon


def test_the_libvirt_of_another_host(build_cloud, daemon):
    cloud = build_cloud(SERVERS)
    admin = operator.Operator(cloud)
    uri = ('--libvirt-uri', daemon.uri)
    before = admin.holds()
    refused = admin.run(*uri, 'refresh', '--host', 'cmp2')
    assert refused.code == 5
    assert 'cmp2 is on cmp1.example.org, not on cmp2' in refused.err
    assert '{host}' in refused.err
    assert admin.holds() == before
    answer = admin.run(*uri, 'preflight', '--host', 'cmp2')
    assert answer.code == 1
    assert 'not on cmp2' in ' '.join(answer.out.split())
    answer = admin.run(*uri, 'refresh', '--host', 'cmp1', '--host', 'cmp2',
                       '-f', 'json')
    assert answer.code == 5
    assert {(row['host'], row['store'], row['outcome'])
            for row in answer.json['records']} == {
        ('cmp1', store, 'fixed')
        for store in ('cinder-attachment', 'nova-bdm', 'domain')}
    assert admin.run(*uri, 'status', '--host', 'cmp1').code == 0
