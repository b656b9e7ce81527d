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

"""The nova-compute services of a cell."""

from __future__ import annotations

import pytest

from rbd_mon_fix.clients.database import nova_services
from tests.unit.stores import places


@pytest.fixture
def database(tmp_path):
    url = f'sqlite:///{tmp_path}/cell'
    place = places.NovaPlace(url)
    for host, binary, version, deleted in (
            ('cmp1', 'nova-compute', 72, 0), ('cmp1', 'nova-compute', 60, 4),
            ('cmp1', 'nova-scheduler', 70, 0), ('cmp2', 'nova-compute', 73, 0),
            ('cmp3', 'nova-compute', None, 0),
            ('ctl', 'nova-scheduler', 73, 0),
            ('was', 'nova-compute', 60, 5)):
        place.tables.insert('services', host=host, binary=binary,
                            version=version, deleted=deleted)
    yield place.cell(places.HOST).database
    place.close()


def test_hosts(database):
    assert sorted(nova_services.hosts(database)) == ['cmp1', 'cmp2', 'cmp3']


@pytest.mark.parametrize('host, version', [
    ('cmp1', 72), ('cmp2', 73), ('cmp3', None), ('ctl', None), ('was', None)])
def test_version(database, host, version):
    assert nova_services.version(database, host) == version
