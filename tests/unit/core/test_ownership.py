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

"""Which cluster a disk belongs to, and when its cluster is unknown."""

import dataclasses

import pytest

from rbd_mon_fix.core import ownership
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.record import Record
from tests.unit import memory

SSD = Backend('cinder', 'ssd', 'ssd', 'cinder', 'S1')
HDD = Backend('cinder', 'hdd', 'hdd', 'cinder', 'S2')
OWN = Backend('nova', '', 'vms', 'nova', 'S1')
# As seen without Cinder's own pool names: the same pool, user and secret fit
# two clusters.
TWIN = Backend('cinder', 'twin', 'ssd', 'cinder', 'S1')


def disk(image='ssd/v', user='cinder', secret='S1', volume=None):
    return RbdDisk('vda', image, user, secret, (), '', volume)


def owner(clusters, volumes, found, volume=None,
          identities=frozenset()):
    """Return the name of the cluster that the disk is found to belong to."""
    record = Record(memory.locator('nova-bdm', 1), None, volume_id=volume)
    known = ownership.Ownership(
        [memory.cluster(name, backends=backends)
         for name, backends in clusters.items()], volumes, identities)
    cluster = known.cluster_of(record, found)
    return cluster and cluster.name


TWO = {'one': [SSD, OWN], 'two': [HDD]}
VOLUMES = {'V-ssd': 'ssd', 'V-hdd': 'hdd', 'V-none': None, 'V-other': 'lvm',
           'V-plain': ''}


@pytest.mark.parametrize('volume, found, expected', [
    ('V-ssd', disk(), 'one'),
    ('V-hdd', disk('hdd/v', 'cinder', 'S2'), 'two'),
    # The document may name a secret that is in no config: Cinder decides.
    ('V-ssd', disk('ssd/v', 'another', 'S9'), 'one'),
    ('V-ssd', disk('ssd/v', None, None), 'one'),
    # A disk that contradicts Cinder belongs to no cluster.
    ('V-ssd', disk('hdd/v', 'cinder', 'S2'), None),
    ('V-hdd', disk('ssd/v', 'cinder', 'S1'), None),
    ('V-ssd', disk('other/v', 'cinder', 'S1'), None),
    ('V-none', disk(), None),
    ('V-other', disk(), None),
    ('V-plain', disk(), None),
    # A disk unknown to Cinder is assigned by its secret.
    ('V-gone', disk(), 'one'),
    ('V-gone', disk('hdd/v', 'cinder', 'S2'), 'two'),
    ('V-gone', disk('hdd/v', 'cinder', 'S1'), None),
    (None, disk(), 'one'),
])
def test_with_cinder_s_database(volume, found, expected):
    assert owner(TWO, VOLUMES, found, volume) == expected


@pytest.mark.parametrize('owner_of_the_words', ['cinder', 'nova'])
def test_a_secret_of_another_cluster_contradicts_cinder(owner_of_the_words):
    other = Backend(owner_of_the_words, 'x', 'ssd', 'cinder', 'S2')
    clusters = {'one': [SSD], 'two': [other]}
    volumes = {'V': 'ssd'}
    assert owner(clusters, volumes, disk(), 'V') == 'one'
    assert owner(clusters, volumes, disk('ssd/v', 'cinder', 'S3'),
                 'V') == 'one'
    assert owner(clusters, volumes, disk('ssd/v', 'cinder', 'S2'),
                 'V') is None


@pytest.mark.parametrize('found, expected', [
    (disk(), 'one'),
    (disk('hdd/v', 'cinder', 'S2'), 'two'),
    (disk('hdd/v', 'cinder', 'S1'), None),
    (disk('ssd/v', 'nova', 'S1'), None),
    (disk('ssd/v', 'cinder', None), None),
    (disk('other/v'), None),
    (disk('vms/other_disk', 'nova', 'S1'), 'one'),
])
def test_without_cinder_s_database(found, expected):
    assert owner(TWO, None, found, 'V-hdd') == expected


def test_the_volume_may_be_named_by_the_document():
    assert owner(TWO, VOLUMES, disk('ssd/v', 'x', 'x', 'V-ssd')) == 'one'
    assert owner(TWO, VOLUMES, disk('ssd/v', 'x', 'x', 'V-ssd'),
                 'V-hdd') is None


@pytest.mark.parametrize('volumes', [None, {'V': 'twin'}, {'V': 'ssd'}])
def test_two_clusters_that_claim_a_disk_by_its_words_alone(volumes):
    clusters = {'one': [SSD], 'two': [TWIN]}
    expected = {None: None, 'twin': 'two', 'ssd': 'one'}[
        volumes and volumes['V']]
    assert owner(clusters, volumes, disk(), 'V') == expected


def test_two_clusters_with_a_backend_of_one_name():
    clusters = {'one': [SSD], 'two': [SSD]}
    assert owner(clusters, {'V': 'ssd'}, disk(), 'V') is None


@pytest.mark.parametrize('monitors, expected', [
    ('192.0.2.1:6789,203.0.113.9:6789', 'primary'),
    ('192.0.2.2:6789', 'replica'),
    ('192.0.2.11:6789', 'primary'),  # a former monitor
    ('192.0.2.3:6789', 'replica'),
    ('203.0.113.9:6789', None),
    ('192.0.2.1:6789,192.0.2.2:6789', None),
    ('', None)])
@pytest.mark.parametrize('volumes', [None, {'V': 'ssd'}])
def test_clusters_of_a_replicated_backend_are_told_by_address(
        volumes, monitors, expected):
    primary = memory.cluster('primary', '192.0.2.1:6789', [SSD])
    replica = memory.cluster('replica', '192.0.2.2:6789,192.0.2.3:6789',
                             [SSD])
    primary = dataclasses.replace(primary, former=(FormerMonitor(
        'a', memory.addrs('192.0.2.11:6789'), 1, 3),))
    found = dataclasses.replace(disk(), monitors=memory.addrs(monitors))
    record = Record(memory.locator('nova-bdm', 1), None, volume_id='V')
    known = ownership.Ownership([primary, replica], volumes)
    owner = known.cluster_of(record, found)
    assert (owner and owner.name) == expected


def test_clusters_are_alike_that_share_a_section():
    def alike(**sections):
        return ownership.are_alike([
            memory.cluster(name, backends=backends)
            for name, backends in sections.items()])
    assert not alike(one=[SSD, SSD, OWN], two=[HDD])
    assert not alike(one=[SSD], two=[TWIN])
    assert alike(one=[SSD], two=[HDD, SSD])


def test_one_cluster_may_have_a_backend_twice():
    other = Backend('cinder', 'ssd', 'ssd', 'cinder', None)
    assert owner({'one': [SSD, other]}, {'V': 'ssd'}, disk(), 'V') == 'one'
    assert owner({'one': [SSD, SSD]}, None, disk()) == 'one'


def test_a_backend_of_nova_is_none_of_cinder_s():
    own = Backend('nova', 'ssd', 'ssd', 'cinder', 'S1')
    assert owner({'one': [own]}, {'V': 'ssd'}, disk(), 'V') is None


def test_a_backend_without_a_pool_is_of_any_pool_by_cinder_s_word_alone():
    any_pool = Backend('cinder', 'ssd', None, 'cinder', 'S1')
    assert owner({'one': [any_pool]}, {'V': 'ssd'}, disk(), 'V') == 'one'
    assert owner({'one': [any_pool]}, None, disk()) is None


@pytest.mark.parametrize('folder', ['vms', 'vms/namespace'])
def test_nova_s_own_disks_are_of_nova_s_cluster(folder):
    image = f'{folder}/{memory.uuid(1)}_disk'
    other = f'{folder}/{memory.uuid(2)}_disk'
    found = disk(image, 'nova', 'S1')
    # In Cinder the same values belong to another cluster.
    clusters = {'one': [OWN],
                'two': [Backend('cinder', 'x', 'vms', 'nova', 'S1')]}
    assert owner(clusters, {}, found) == 'one'
    assert owner(clusters, {}, disk(other, 'nova', 'S1')) is None
    # Nova has no disks of its own there, so the disk may be Cinder's.
    assert owner({'two': clusters['two']}, {}, found) == 'two'


@pytest.mark.parametrize('stated, identities, expected', [
    # (pool, user, secret) in the config; the values of the host's disks.
    ((None, None, None), {('cinder', 'S1')}, 'plain'),
    ((None, None, None), {('cinder', 'S1'), ('cinder', 'S2')}, None),
    ((None, None, None), {('cinder', 'S1'), ('nova', 'S1')}, None),
    ((None, None, 'S1'), {('cinder', 'S1'), ('cinder', 'S2')}, 'plain'),
    ((None, None, 'S2'), {('cinder', 'S1')}, None),
    ((None, 'cinder', None), {('cinder', 'S1')}, 'plain'),
    ((None, 'nova', None), {('cinder', 'S1')}, None),
    (('ssd', None, None), {('cinder', 'S1')}, 'plain'),
    (('hdd', None, None), {('cinder', 'S1')}, None),
    (('hdd', 'cinder', 'S1'), {('cinder', 'S1')}, None),
    (('ssd', 'cinder', 'S1'), {('cinder', 'S1'), (None, None)}, 'plain'),
])
def test_a_host_without_openstack(stated, identities, expected):
    clusters = {'plain': [Backend('libvirt', '', *stated)]}
    assert owner(clusters, None, disk(),
                 identities=frozenset(identities)) == expected


def test_no_cluster_at_all():
    assert owner({}, VOLUMES, disk(), 'V-ssd') is None
    assert owner({}, None, disk()) is None


def test_identities():
    mixed = memory.Sheet('vda p/a cinder S 10.0.0.1:6789\n'
                         'vdb p/b   10.0.0.1:6789\n'
                         'vdc p/c nova S !broken')
    assert ownership.identities([]) == frozenset()
    assert ownership.identities(mixed.disks * 2) == {
        ('cinder', 'S'), (None, None)}


@pytest.mark.parametrize('backends, expected', [
    ([], False),
    ([SSD, OWN], False),
    ([Backend('cinder', 'x', 'volumes', None, None)], False),
    ([Backend('libvirt', '', None, None, 'S')], False),
    ([Backend('libvirt', '', None, 'cinder', None)], True),
    ([SSD, Backend('libvirt', '', None, None, None)], True),
])
def test_is_vague(backends, expected):
    clusters = [memory.cluster('a'), memory.cluster(backends=backends)]
    assert ownership.is_vague(clusters) is expected
