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

"""Nova itself accepts the throwaway cloud as a real one."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
import sqlalchemy as sa

from tests.cloud import documents
from tests.cloud import domains
from tests.cloud import shape
from tests.functional import releases


def text_of(url: str, query: str, **values: str) -> list:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = list(connection.execute(sa.text(query), values))
    engine.dispose()
    return rows


@pytest.mark.parametrize('release', releases.RELEASES)
def test_nova_finds_the_hosts_in_their_cell(build_cloud, release):
    cloud = build_cloud(release=release)
    python = pathlib.Path(releases.nova_python(release))
    told = subprocess.run(
        [str(python.parent / 'nova-manage'), '--config-file',
         str(cloud.folder / 'nova.conf'), 'cell_v2', 'list_hosts'],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    assert [line.split('|')[1].strip() for line in told.splitlines()
            if ' cmp' in line] == ['cell1', 'cell1']
    assert all(f' {host} ' in told for host in shape.HOSTS)


def test_rows_hold_the_documents(any_cloud):
    server = any_cloud.server('stopped')
    volume, = server.volumes
    assert text_of(
        any_cloud.databases.cell,
        'SELECT connection_info FROM block_device_mapping'
        ' WHERE volume_id = :id AND deleted = 0', id=volume.id,
        ) == [(documents.bdm_connection_info(server, volume),)]
    assert text_of(
        any_cloud.databases.cinder,
        'SELECT connection_info FROM volume_attachment WHERE id = :id',
        id=volume.attachment_id,
        ) == [(documents.attachment_connection_info(volume),)]


def test_libvirt_holds_the_domains(cloud):
    defined = domains.dump(cloud.libvirt_root)
    assert set(defined) == {server.uuid for server in cloud.servers
                            if server.defined}
    active = defined[cloud.server('active').uuid]
    assert [active.count(f"name='{monitor}'") for monitor in
            shape.ALPHA.old + shape.BETA.old] == [2, 2, 2, 1, 1, 1]
