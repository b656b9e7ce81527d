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

"""The release of Nova by its services table is the one that the lab runs."""

from __future__ import annotations

from lab import services
from lab.openstack import backing
from lab.openstack import nova
from tests.lab.scenarios.two_hosts import moves

# The distribution's Python, which has the distribution's Nova.
PYTHON = '/usr/bin/python3'


def test_version_in_the_services_table():
    code = services.run(PYTHON, '-c', (
        'from nova.objects import service; print(service.SERVICE_VERSION)'))
    rows = backing.sql("SELECT host, version FROM nova.services WHERE `binary`"
                       " = 'nova-compute' ORDER BY host")
    version = int(code)
    assert rows.split() == ['lab', str(version), 'lab2', str(version)]
    assert nova.compute_version() == version


def test_the_version_tells_whether_nova_asks_ceph():
    asks = services.run(PYTHON, '-c', (
        'from nova.virt.libvirt import migration; '
        'print(hasattr(migration, "_update_rbd_xml"))')).strip()
    assert asks == str(nova.compute_version() >= moves.ASKS_CEPH)
