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


"""The registry: each store's description of itself, and orders of stores."""

import importlib
import inspect
import pkgutil

import hypothesis
from hypothesis import strategies
import pytest

from rbd_mon_fix import stores
from rbd_mon_fix.stores import registry
from rbd_mon_fix.stores.registry import Need

WRITING_ORDER = ['cinder-attachment', 'nova-bdm', 'domain', 'managed-save',
                 'unrescue', 'live-domain', 'ceph-conf']
NAMES = strategies.sets(strategies.sampled_from(WRITING_ORDER))


class Places:
    """Stand-ins for everything a store opens; each returns its request."""

    def cell(self, host):
        return f'cell of {host}'

    def volumes(self):
        return 'volumes'

    def hypervisor(self, host):
        return f'libvirt of {host}'

    def instances_path(self):
        return 'folder'

    def ceph_conf(self):
        return 'ceph.conf'


@pytest.mark.parametrize('name, needs, opened_on, guards_busy', [
    ('cinder-attachment', Need.CINDER_DATABASE, 'volumes', True),
    ('nova-bdm', Need.NOVA_DATABASE, 'cell of cmp1', True),
    ('domain', Need.LIBVIRT, 'libvirt of cmp1', False),
    ('managed-save', Need.LIBVIRT, 'libvirt of cmp1', False),
    ('unrescue', Need.INSTANCES_FOLDER, 'folder', False),
    ('live-domain', Need.LIBVIRT, 'libvirt of cmp1', True),
    ('ceph-conf', Need.CEPH_CONF, 'ceph.conf', False),
])
def test_a_spec_opens_its_store(name, needs, opened_on, guards_busy):
    spec = registry.SPECS[name]
    store = spec.open(Places(), 'cmp1')
    assert spec.name == store.name == name
    assert spec.needs is needs
    assert list(vars(store).values()) == [opened_on]
    assert store.guards_busy is guards_busy


def test_only_the_host_itself_has_files():
    assert [name for name, spec in registry.SPECS.items()
            if spec.local_only] == ['unrescue', 'ceph-conf']


def test_verify_opens_no_disk_of_these():
    assert [name for name, spec in registry.SPECS.items()
            if not spec.read_by_cold_start] == [
        'cinder-attachment', 'live-domain', 'ceph-conf']


def test_nova_gives_its_own_mappings_a_secret():
    assert [name for name, spec in registry.SPECS.items()
            if spec.secret_from_nova] == ['nova-bdm']


def test_the_order_of_specs_is_that_of_writing():
    assert list(registry.SPECS) == WRITING_ORDER
    writable = [spec.writable for spec in registry.SPECS.values()]
    assert writable == sorted(writable, reverse=True)


def test_every_store_of_the_folder_is_registered():
    found = set()
    for module in pkgutil.iter_modules(stores.__path__):
        name = f'{stores.__name__}.{module.name}'
        found |= {value.name for _, value in inspect.getmembers(
            importlib.import_module(name), inspect.isclass)
            if value.__module__ == name and hasattr(value, 'scan')}
    assert found == set(registry.SPECS)


def test_stores_that_others_take_records_of_exist():
    for spec in registry.SPECS.values():
        assert {*spec.after, *spec.implies} <= set(registry.SPECS)


def test_reading_order():
    assert [spec.name for spec in registry.reading_order(WRITING_ORDER)] == [
        'nova-bdm', 'cinder-attachment', 'domain', 'managed-save',
        'unrescue', 'live-domain', 'ceph-conf']


@hypothesis.given(NAMES)
def test_what_others_take_records_of_is_read_first(names):
    order = [spec.name for spec in registry.reading_order(names)]
    assert sorted(order) == sorted(names)
    for position, name in enumerate(order):
        first = set(registry.SPECS[name].after) & names
        assert first <= set(order[:position])
