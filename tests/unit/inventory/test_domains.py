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

"""The domains of a libvirt, read as servers."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.inventory import domains
from tests.unit import memory
from tests.unit.stores import places

ONE, TWO, THREE = map(memory.uuid, (1, 2, 3))


@pytest.fixture
def place():
    """Return a libvirt with one of Nova's domains and two others."""
    made = places.DomainPlace()
    made.add(3, made.text(3, nova=False))
    made.add(1)
    made.add(2, made.text(2, nova=False))
    return made


def scopes(place, batch=10, wanted=lambda uuid: True):
    return list(domains.scopes(place, 'kvm1', wanted, batch))


def test_who_made_a_domain(place):
    [scope] = scopes(place)
    assert [(each.uuid, each.name, each.host, each.managed)
            for each in scope.instances.values()] == [
        (ONE, 'as Nova calls it', 'kvm1', True),
        (TWO, 'instance-2', 'kvm1', False),
        (THREE, 'instance-3', 'kvm1', False)]


@pytest.mark.parametrize('batch, expected', [
    (1, [[ONE], [TWO], [THREE]]), (2, [[ONE, TWO], [THREE]]),
    (3, [[ONE, TWO, THREE]])])
def test_batches_in_uuid_order(place, batch, expected):
    assert [list(scope.instances)
            for scope in scopes(place, batch)] == expected


def test_only_those_that_are_wanted_are_read(place, monkeypatch):
    read = []
    monkeypatch.setattr(place, 'inactive_xml', lambda uuid: (
        read.append(uuid) or place.texts[uuid]))
    [scope] = scopes(place, wanted={TWO}.__contains__)
    assert (list(scope.instances), read) == ([TWO], [TWO])
    assert scopes(place, wanted=lambda uuid: False) == []


def test_the_documents_are_kept_for_stores(place):
    [scope] = scopes(place)
    assert {uuid: document.text
            for uuid, document in scope.documents.items()} == place.texts
    assert scope.before is None


@pytest.mark.parametrize('error', [
    exceptions.Gone('It is gone.'), libvirt.Declined('May not.')])
def test_a_domain_that_cannot_be_read_counts_as_nova_s(place, monkeypatch,
                                                       error):
    """So the domain is left alone, whoever created it."""
    def inactive_xml(uuid):
        if uuid == TWO:
            raise error
        return place.texts[uuid]

    monkeypatch.setattr(place, 'inactive_xml', inactive_xml)
    [scope] = scopes(place)
    assert scope.instances[TWO].managed
    assert scope.instances[TWO].name == 'instance-2'
    assert set(scope.documents) == {ONE, THREE}


def test_a_busy_domain_counts_for_this_host(place, monkeypatch):
    """Nova's inventory tells if the domain is Nova's."""
    def inactive_xml(uuid):
        raise libvirt.Busy('It is busy.')

    monkeypatch.setattr(place, 'inactive_xml', inactive_xml)
    [scope] = scopes(place)
    assert {(each.host, each.managed) for each in scope.instances.values()
            } == {('kvm1', False)}
    assert scope.documents == {}


def test_a_domain_of_which_libvirt_has_no_xml(place, monkeypatch):
    monkeypatch.setattr(place, 'inactive_xml', lambda uuid: 'none')
    [scope] = scopes(place)
    assert all(each.managed for each in scope.instances.values())
    assert scope.documents == {}


def test_a_libvirt_that_is_lost(place, monkeypatch):
    def down(uuid):
        raise exceptions.Unreachable('Down.')

    monkeypatch.setattr(place, 'inactive_xml', down)
    with pytest.raises(exceptions.Unreachable):
        scopes(place)


@pytest.mark.parametrize('fields, vm_state', [
    ({}, 'stopped'), ({'saved': True}, 'suspended'),
    ({'active': True}, 'active'), ({'active': True, 'saved': True}, 'active'),
    ({'active': True, 'paused': True}, 'paused')])
def test_states_are_told_in_nova_s_words(place, monkeypatch, fields,
                                         vm_state):
    domain = libvirt.Domain(
        ONE, 'x', True, fields.get('active', False),
        fields.get('paused', False), fields.get('saved', False))
    monkeypatch.setattr(place, 'domains', lambda: [domain])
    [scope] = scopes(place)
    assert scope.instances[ONE].vm_state == vm_state
