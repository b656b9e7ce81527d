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

"""What one more domain costs: the calls of libvirt, counted one by one."""

from __future__ import annotations

import collections
import functools
import uuid as uuid_module

import pytest

from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.stores.domain import DomainStore
from tests.functional.guests import PLAIN
from tests.functional.guests import change
from tests.functional.guests import guest

libvirt = pytest.importorskip('libvirt')

# The client library answers these itself.
LOCAL = ('virDomainFree', 'virDomainGetConnect', 'virDomainGetName',
         'virDomainGetUUID', 'virDomainGetUUIDString')


@pytest.fixture
def calls(monkeypatch):
    """Return a counter of calls, by their names in libvirt's C API."""
    counted = collections.Counter()

    def count(name, function, *arguments):
        counted[name] += 1
        return function(*arguments)

    module = libvirt.libvirtmod
    for name in dir(module):
        if name.startswith(('virDomain', 'virConnect')) and (
                name not in LOCAL):
            monkeypatch.setattr(module, name, functools.partial(
                count, name, getattr(module, name)))
    return counted


def defined(connection, name, running):
    """Return a domain with an rbd disk, which a running one lacks as yet."""
    uuid = str(uuid_module.uuid4())
    if running:
        connection.defineXML(guest(name=name, uuid=uuid)).createWithFlags(
            libvirt.VIR_DOMAIN_START_PAUSED)
    return connection.defineXML(guest(PLAIN, name=name, uuid=uuid))


def removed(domain):
    if domain.isActive():
        domain.destroy()
    domain.undefine()


def counted(hypervisor, calls, number, running):
    """Return the calls for reading and writing a number of domains."""
    domains = [defined(hypervisor._connection, f'g{each}', running)
               for each in range(number)]
    store = DomainStore(hypervisor)
    calls.clear()
    records = store.scan(Scope('h', {
        each.UUIDString(): Instance(each.UUIDString(), 'h')
        for each in domains}))
    outcomes = store.put([change(record) for record in records])
    found = collections.Counter(calls)
    assert [each.verdict for each in outcomes] == [Verdict.FIXED] * number
    for each in domains:
        removed(each)
    return found


@pytest.mark.parametrize('running, more', [
    # It is read, compared, defined, and read back.
    (False, {'virDomainGetXMLDesc': 3, 'virDomainIsActive': 1,
             'virDomainDefineXML': 1}),
    # Its live XML too: for block jobs, and for devices that only it has.
    (True, {'virDomainGetXMLDesc': 6, 'virDomainIsActive': 1,
            'virDomainIsPersistent': 1, 'virDomainDefineXML': 1,
            'virDomainGetControlInfo': 2})])
def test_the_calls_for_one_more_domain(hypervisor, calls, running, more):
    # A lone domain takes one call less: no other could be read before it.
    two, four = (counted(hypervisor, calls, number, running)
                 for number in (2, 4))
    assert four - two == {name: 2 * count for name, count in more.items()}


def test_the_calls_for_a_domain_that_is_read_again(hypervisor, calls):
    domain = defined(hypervisor._connection, 'again', True)
    uuid = domain.UUIDString()
    calls.clear()
    DomainStore(hypervisor).get(Locator('domain', 'h', uuid, uuid))
    found = collections.Counter(calls)
    removed(domain)
    assert found == {'virDomainLookupByUUIDString': 1,
                     'virDomainIsActive': 1, 'virDomainIsPersistent': 1,
                     'virDomainGetXMLDesc': 2}
