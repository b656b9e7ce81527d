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

"""What the config tells about the cluster of a disk."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import config_evidence
from rbd_mon_fix.core.config_evidence import Traits
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import VolumeService
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.record import Record
from tests.unit import memory

BACKEND = Backend('cinder', 'rbd', 'volumes', 'cinder', 'S')
FAR = dataclasses.replace(BACKEND, name='far')
OWN = Backend('nova', '', 'vms', 'cinder', 'S', host='cmp1')
HERE, THERE = VolumeService('ctl', 'rbd'), VolumeService('ctl', 'far')
RECORD = Record(memory.locator('nova-bdm', 1), None)


def of(image='volumes/v', secret='S', volume=None, service=None,
       record=RECORD):
    return Traits.of(record, RbdDisk('vda', image, 'cinder', secret, (), '',
                                     volume), service)


def test_traits_are_what_tells_a_cluster():
    own = f'vms/{memory.uuid(1)}_disk'
    elsewhere = Record(memory.locator('nova-bdm', 1, 'cmp2'), None)
    named = dataclasses.replace(RECORD, volume_id='v')
    different = [of(), of(secret='T'), of(volume='v'), of(image=own),
                 of(image='vms/v'), of(volume='v', service=HERE),
                 of(record=elsewhere)]
    assert len(set(different)) == len(different)
    # Neither the server, nor the image, nor which volume it is.
    assert of(volume='v') == of('volumes/w', volume='w') == of(
        record=named) == of(volume='v', record=Record(
            memory.locator('cinder-attachment', 2), None))


@pytest.mark.parametrize('backend, seen, expected', [
    (BACKEND, of(volume='v', service=HERE), True),
    (BACKEND, of(volume='v', service=THERE), False),
    (BACKEND, of(volume='v'), False),
    (BACKEND, of(secret='T', volume='v', service=HERE), False),
    (OWN, of('vms/v'), True),
    (OWN, of('vms/v', volume='v', service=HERE), False),
    (OWN, of('vms/v', record=Record(
        memory.locator('domain', 1, 'cmp2'), None)), False),
])
def test_fits(backend, seen, expected):
    cluster = memory.cluster(backends=[backend])
    assert config_evidence.fits(cluster, seen) is expected


@pytest.mark.parametrize('service, against', [
    (HERE, False), (THERE, True), (None, False),
    (VolumeService('ctl', 'gone'), False)])
def test_contradiction(service, against):
    near, far = (memory.cluster(name, backends=[backend]) for name, backend
                 in (('near', BACKEND), ('far', FAR)))
    found = config_evidence.contradiction(
        near, (near, far), of(volume='v', service=service))
    assert (found is not None) is against
    assert not found or found.detail.endswith('ctl@far, which leads to far.')


@pytest.mark.parametrize('seen, odd', [
    (of(volume='v'), False), (of(secret='T', volume='v'), True),
    # No backend of those that could have made it is known.
    (of(secret='T'), False),
    (of(f'vms/{memory.uuid(1)}_disk', secret='T'), False)])
def test_oddity(seen, odd):
    cluster = memory.cluster(backends=[BACKEND])
    assert bool(config_evidence.oddity(cluster, seen)) is odd
