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

"""The checks of libvirt's secrets in ``preflight``."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.preflight import runner
from rbd_mon_fix.preflight import secrets
from rbd_mon_fix.preflight.check import Works
from tests.unit import memory

UUID = '457eb676-33da-42ec-9a8c-9293d545c337'


@pytest.fixture
def cloud(world):
    """Return a world whose libvirt has the secrets S and N."""
    world.add(1)
    keep(world, 'S', 'N')
    return world


def keep(world, *kept):
    def value(name):
        if name not in kept:
            raise exceptions.Gone(f'Libvirt has no secret {name}.')
        return b'key'

    world.domains().secret_value = value
    world.domains().secret_value_by_usage = value


def found(world):
    return {each.subject: (each.works, each.finding)
            for each in secrets.checks(world.context(), 'cmp1')}


def missing(name):
    return Works.NO, f'Libvirt has no secret {name}.'


FINE = Works.YES, 'Libvirt has the secret and its value.'


def test_each_secret_is_looked_up_once(cloud):
    cloud.add(2)
    assert found(cloud) == {'secret S on cmp1': FINE}


def test_a_secret_that_a_config_names(cloud):
    path = cloud.folder / 'nova.conf'
    path.write_text(f'{path.read_text()}[libvirt]\nrbd_secret_uuid = {UUID}\n')
    cloud.ceph['secret_uuid'] = 'N'
    assert found(cloud) == {'secret S on cmp1': FINE,
                            'secret N on cmp1': FINE,
                            f'secret {UUID} on cmp1': missing(UUID)}


def test_a_secret_that_only_a_document_names(cloud):
    cloud.nova.tables.update(
        'block_device_mapping', 'id', 1,
        connection_info=cloud.nova.text(1, secret_uuid=UUID))
    cloud.domains().texts[memory.uuid(1)] = cloud.domains().text(
        1).replace("uuid='S'", "usage='site A'")
    assert found(cloud) == {
        f'secret {UUID} on cmp1': missing(UUID),
        'secret with the usage "site A" on cmp1': missing('site A')}


def test_a_backend_without_disks_on_the_host_needs_no_secret(cloud):
    """It may be of another site."""
    path = cloud.folder / 'cinder.conf'
    text = path.read_text()
    assert 'rbd_secret_uuid = S' in text
    path.write_text(text.replace('rbd_secret_uuid = S',
                                 f'rbd_secret_uuid = {UUID}'))
    assert found(cloud) == {'secret S on cmp1': FINE}


def test_what_no_start_reads_needs_no_secret(cloud):
    """The server is on another host; its domain was left behind."""
    cloud.add(2, 'cmp2')
    cloud.domains().add(2, cloud.domains().text(2).replace(
        "uuid='S'", f"uuid='{UUID}'"))
    assert found(cloud) == {'secret S on cmp1': FINE}


def test_documents_that_cannot_be_read(cloud):
    """The secrets of the config are looked up all the same."""
    def domains():
        raise exceptions.Unreachable('It is down.')

    cloud.domains().domains = domains
    cloud.ceph['secret_uuid'] = 'S'
    keep(cloud)
    told = found(cloud)
    assert told['more secrets of cmp1'][0] is Works.NOT_ASKED
    assert told['secret S on cmp1'] == missing('S')


def test_a_value_that_may_not_be_read(cloud):
    """Libvirt itself may read it, so the disks may open."""
    def declined(uuid):
        raise libvirt.Declined('secret is private')

    cloud.domains().secret_value = declined
    works, finding = found(cloud)['secret S on cmp1']
    assert works is Works.NOT_ASKED
    assert 'secret S: secret is private' in finding


def test_libvirt_is_asked_only_if_it_answers(cloud):
    cloud.domains().versions = lambda: ('9.0.0', 'QEMU 7.2.0')
    cloud.domains().may_define = lambda: True
    subjects = [each.subject for each in runner.run(
        cloud.context(), ['cmp1'])]
    assert 'secret S on cmp1' in subjects
    del cloud.libvirts['cmp1']
    told = [each for each in runner.run(cloud.context(), ['cmp1'])
            if each.check == 'libvirt']
    assert [(each.subject, each.works) for each in told] == [
        ('cmp1', Works.NO)]


@pytest.mark.parametrize('fields, words', [
    ({'uuid': UUID}, [f'<uuid>{UUID}</uuid>',
                      f'virsh secret-set-value {UUID} --file KEYFILE']),
    ({'usage': 'site A'}, ["<usage type='ceph'><name>site A</name></usage>",
                           'virsh secret-set-value UUID --file KEYFILE'])])
def test_advice(fields, words):
    told = secrets.advice(secrets.cephx_keys.SecretName('cmp1', **fields))
    assert 'virsh secret-define FILE' in told
    assert all(word in told for word in words)
