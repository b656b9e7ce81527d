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

"""Images and their watchers, from the answers of a real cluster."""

from __future__ import annotations

import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.ceph import watchers
from rbd_mon_fix.model.census import Image
from rbd_mon_fix.model.census import Watcher
from rbd_mon_fix.model.cluster import Way
from tests.unit import ceph_answers

ADMIN = commands.Administrator('ceph', Way('', None, 'cinder'), 'admin')
WEB = Image('vms', '', 'web')


@pytest.fixture
def ceph(tmp_path, monkeypatch):
    return ceph_answers.CephAnswers(tmp_path / 'bin', monkeypatch)


@pytest.mark.parametrize('applications, expected', [
    ({}, ('vms',)), ({'rbd': {}}, ('vms',)), ({'cephfs': {}}, ())])
def test_pools(ceph, applications, expected):
    told = json.loads(ceph_answers.sample('ceph-osd-pool-ls-detail.json'))
    told[0]['application_metadata'] = applications
    ceph.answer('ceph osd pool ls detail', json.dumps(told))
    assert watchers.pools(ADMIN) == expected


def test_images_of_all_namespaces(ceph):
    ceph.images('web', '-x')
    ceph.answer('rbd namespace ls --pool=vms', '[{"name":"tenant"}]')
    ceph.answer('rbd ls --pool=vms --namespace=tenant', '["other"]')
    assert watchers.images(ADMIN, ('vms',)) == (
        WEB, Image('vms', '', '-x'), Image('vms', 'tenant', 'other'))


def test_a_pool_that_does_not_exist(ceph):
    ceph.answer('rbd namespace ls --pool=none', '', 2,
                'rbd: failed to open pool')
    with pytest.raises(exceptions.ConfigError, match='has no pool none'):
        watchers.images(ADMIN, ('vms', 'none'))


def test_watchers(ceph):
    other = Image('vms', 'tenant', 'other')
    ceph.answer('rbd status --pool=vms --namespace=tenant --image=other',
                '{"watchers":[]}')
    assert watchers.of_images(ADMIN, (WEB, other)) == (
        {Watcher(WEB, ceph_answers.GUEST, '127.0.0.1:0/3275351962')}, {})


def test_an_image_that_is_gone_has_none(ceph):
    ceph.answer('rbd status --pool=vms --image=web', '', 2,
                'rbd: error opening image web: (2) No such file or directory')
    assert watchers.of_images(ADMIN, (WEB,)) == (frozenset(), {})


def test_an_image_that_cannot_be_read(ceph):
    ceph.answer('rbd status --pool=vms --image=web', '', 22,
                'rbd: error opening image web: (22) Invalid argument')
    assert watchers.of_images(ADMIN, (WEB,)) == (frozenset(), {
        WEB: 'rbd: error opening image web: (22) Invalid argument'})


def test_without_permission(ceph):
    ceph.answer('rbd status --pool=vms --image=web', '', 1,
                'rbd: error opening image web: (1) Operation not permitted')
    with pytest.raises(exceptions.Unreachable, match='refuses client.admin'):
        watchers.of_images(ADMIN, (WEB,))


@pytest.mark.parametrize('parse, told', [
    (watchers.parse_pools, {}), (watchers.parse_pools, ['vms']),
    (watchers.parse_pools, [{'pool_name': 'vms'}]),
    (watchers.parse_pools, [{'application_metadata': {}, 'pool_name': 7}]),
    (watchers.parse_namespaces, None), (watchers.parse_namespaces, ['a']),
    (watchers.parse_namespaces, [{'name': '\0'}]),
    (lambda told: watchers.parse_images(told, 'vms', ''), {}),
    (lambda told: watchers.parse_images(told, 'vms', ''), [['web']]),
    (lambda told: watchers.parse(told, WEB), []),
    (lambda told: watchers.parse(told, WEB), {}),
    # As Ceph before Nautilus prints it.
    (lambda told: watchers.parse(told, WEB), {'watchers': {'watcher': {}}}),
    (lambda told: watchers.parse(told, WEB), {'watchers': [7]}),
    (lambda told: watchers.parse(told, WEB),
     {'watchers': [{'client': True, 'address': ''}]}),
    (lambda told: watchers.parse(told, WEB), {'watchers': [{'client': 7}]})])
def test_answers_of_another_form(parse, told):
    with pytest.raises(exceptions.Unreachable, match='unusable answer'):
        parse(told)
