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

"""The clients of monitors, from the answers of a real cluster."""

from __future__ import annotations

import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.ceph import sessions
from rbd_mon_fix.model.cluster import Way
from tests.unit import ceph_answers

ADMIN = commands.Administrator('ceph', Way('', None, 'cinder'), 'admin')
SESSIONS = ceph_answers.sample('ceph-mon-sessions.json')


@pytest.fixture
def ceph(tmp_path, monkeypatch):
    return ceph_answers.CephAnswers(tmp_path / 'bin', monkeypatch)


def test_monitors(ceph):
    assert sessions.monitors(ADMIN, ceph_answers.FSID) == (
        ceph_answers.MONITORS)
    with pytest.raises(exceptions.Unreachable, match='reaches the cluster'):
        sessions.monitors(ADMIN, 'another')


def test_a_monitor_without_an_address_is_one(ceph):
    told = json.loads(ceph_answers.sample('ceph-mon-dump.v1v2.json'))
    told['mons'][0].update(addr='0.0.0.0:0/1', public_addrs={'addrvec': []})
    ceph.answer('ceph mon dump', json.dumps(told))
    assert set(sessions.monitors(ADMIN, ceph_answers.FSID)) == set(
        ceph_answers.MONITORS)


def test_clients(ceph):
    ceph.refuse('m23', 6, 'Error ENXIO: problem getting command descriptions '
                'from mon.m23')
    found, silent = sessions.clients(ADMIN, ceph_answers.MONITORS)
    assert {ceph_answers.GUEST, 4117, 4105} < found['m22']
    assert found['m21'] == frozenset()
    assert silent == {'m23': 'Error ENXIO: problem getting command '
                      'descriptions from mon.m23'}


def test_without_permission(ceph):
    ceph.refuse('m21', 13, 'Error EACCES: problem getting command '
                'descriptions from mon.m21')
    with pytest.raises(exceptions.Unreachable, match='refuses client.admin'):
        sessions.clients(ADMIN, ceph_answers.MONITORS)


@pytest.mark.parametrize('fields', [
    {'authenticated': False}, {'open': False}])
def test_a_client_that_is_still_looking_for_a_monitor(fields):
    told = [{**each, **fields} for each in json.loads(SESSIONS)]
    assert sessions.parse(json.dumps(told)) == frozenset()


@pytest.mark.parametrize('told', [
    None, {}, [7], [{}], [{'global_id': '7'}], [{'global_id': True}]])
def test_answers_of_another_form(told):
    with pytest.raises(exceptions.Unreachable, match='unusable answer'):
        sessions.parse(json.dumps(told))
