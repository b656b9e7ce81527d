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

"""The report and the exit code of ``verify``."""

from __future__ import annotations

import io

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.cli import verify
from rbd_mon_fix.qemu import open_check
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places


@pytest.fixture
def closed(cloud, monkeypatch):
    """Return the images that cannot be opened."""
    cloud.write_nova_conf(host='cmp1')
    cloud.domains('cmp1').secret_value = lambda uuid: b'key'
    images = set()
    monkeypatch.setattr(
        open_check, 'prove', lambda cases, timeout, *_: [
            open_check.Proof(False, 'No such image.', 1.23456)
            if case.image in images
            else open_check.Proof(True, None, timeout) for case in cases])
    return images


def image(server):
    return f'volumes/volume-{places.volume(server)}'


def test_all_open(run, closed):
    code, report, _ = run(verify, timeout=2.0, store=['domain'])
    assert code == 0
    assert report['version'] == 2
    assert (report['opened_as']['daemon'], report['opened_as']['ceph_conf'],
            report['opened_as']['note']) == (None, None, (
        'Not in a unit test. Cannot read /etc/ceph/ceph.conf: none here.'))
    assert report['disks'] == [{
        'host': 'cmp1', 'instance': memory.uuid(server),
        'name': f'server-{server}', 'store': 'domain', 'disk': 'vda',
        'image': image(server), 'opened': True, 'error': None,
        'seconds': 2.0, 'shielded': False} for server in (1, 2)]
    assert set(report['disks'][0]) == set(verify.COLUMNS)


def test_one_does_not(run, closed):
    closed.add(image(2))
    code, report, _ = run(verify, store=['domain'])
    assert code == 1
    assert [(row['opened'], row['error'], row['seconds'])
            for row in report['disks']] == [
        (True, None, 5.0), (False, 'No such image.', 1.235)]


@pytest.mark.parametrize('images, fields, words', [
    (set(), {'store': ['domain']},
     'cmp1: all 2 disks open (median 5.00 s). Go on.'),
    ({image(2)}, {'store': ['domain']},
     'cmp1: 1 of 2 disks open (median 5.00 s); 1 does not.'),
    (set(), {'store': ['managed-save']}, 'No RBD disk was found.')])
def test_the_verdict_comes_first(cloud, closed, monkeypatch, images, fields,
                                 words):
    closed |= images
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    verify.run(cloud.conf(worlds.command(format='table', **fields)), out,
               io.StringIO())
    first, *rest = out.getvalue().splitlines()
    assert first == words
    assert ('Opened as' in rest[0]) if words[:4] == 'cmp1' else not rest
    assert not images or f'      {memory.uuid(2)[:8]}' in '\n'.join(rest)


def test_chosen_columns_are_listed(cloud, closed, monkeypatch):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    verify.run(cloud.conf(worlds.command(
        format='table', column=['store', 'opened'], store=['domain'])), out,
        io.StringIO())
    assert out.getvalue().splitlines() == [
        'STORE   OPENED', 'domain  True', 'domain  True']


def test_no_cluster_has_to_be_known(cloud, run, closed):
    (cloud.folder / 'ceph.conf').unlink()
    assert run(verify)[0] == 0
