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

"""Databases on a controller, libvirt on a compute host without their URLs.

The compute host asks Nova's API if it has credentials, or else relies on
libvirt. The tests of this module run in order.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest

from lab.openstack import nova
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios.openstack import server as servers

HOST = ('--host', 'lab')
DATABASES = ('--store', 'nova-bdm', '--store', 'cinder-attachment')
NAMES = ('stopped-unasked', 'stopped-split', 'suspended-split', 'own-split')


@pytest.fixture(scope='module')
def split(lab, operator, ships) -> dict[str, servers.Server]:
    """Return servers whose monitors were replaced."""
    operator.run('refresh', *HOST, '--unmanaged')
    made = ships.make(NAMES)
    lab.move_monitors(())
    return made


@pytest.fixture(scope='module')
def told(operator, split, tmp_path_factory) -> pathlib.Path:
    """Return the file that an operator copies to the compute host."""
    path = tmp_path_factory.mktemp('carried') / 'monitors.json'
    path.write_text(json.dumps(operator.run('monitors')))
    return path


@pytest.fixture
def there(told: pathlib.Path, tmp_path: pathlib.Path) -> tuple[str, ...]:
    return on_compute_host(told, tmp_path)


def on_compute_host(told: pathlib.Path, journal: pathlib.Path
                    ) -> tuple[str, ...]:
    """Return the options of the compute host, which has no cinder.conf."""
    return ('--nova-config-file', nova.COMPUTE_CONF,
            '--cinder-config-file', '', '--monitors-file', str(told),
            '--journal-dir', str(journal))


def by_store(report: dict[str, Any], field: str) -> dict[str, set[str]]:
    """Return one field of the records in a report, keyed by store."""
    found: dict[str, set[str]] = {}
    for record in report['records']:
        found.setdefault(record['store'], set()).add(record[field])
    return found


def evidence(report: dict[str, Any]) -> set[tuple[str, str]]:
    """Return store and kind of evidence of the records in a report."""
    return {(record['store'], record['evidence']['kind'])
            for record in report['records']}


def only(server: servers.Server) -> tuple[str, ...]:
    return (*HOST, '--instance', server.id)


def test_databases_on_the_controller(operator, split):
    fixed = operator.run('refresh', *HOST, *DATABASES)
    assert by_store(fixed, 'outcome') == {
        'nova-bdm': {'fixed'}, 'cinder-attachment': {'fixed'}}


def test_list_without_former_monitors(operator, split, told, tmp_path):
    """Nothing shows whose monitors were those that the guest names."""
    cut = json.loads(told.read_text())
    for cluster in cut['clusters']:
        cluster['former'] = []
    path = tmp_path / 'cut.json'
    path.write_text(json.dumps(cut))
    one = split['stopped-unasked']
    before = one.xml()
    left = operator.run(*on_compute_host(path, tmp_path), 'refresh',
                        *only(one), code=4)
    assert evidence(left) == {('domain', 'not-found'),
                              ('ceph-conf', 'current-address')}
    assert one.xml() == before


def test_libvirt_without_nova_s_word(split, there):
    """Nova's metadata in the XML tells whose guest it is."""
    unasked = operators.Operator({
        name: value for name, value in os.environ.items()
        if not name.startswith('OS_')})
    fixed = unasked.run(*there, 'refresh', *only(split['stopped-unasked']))
    assert by_store(fixed, 'outcome') == {
        'domain': {'fixed'}, 'ceph-conf': {None}}
    assert evidence(fixed) == {('domain', 'history'),
                               ('ceph-conf', 'current-address')}
    assert by_store(fixed, 'vm_state') == {
        'domain': {'stopped'}, 'ceph-conf': {'stopped'}}


def test_libvirt_with_nova_s_word(user, operator, split, there):
    """Each server is locked meanwhile, except one that a user had locked."""
    kept = split['stopped-split']
    user.nova.servers.lock(kept.id, reason='mine')
    fixed = operator.run(*there, 'refresh', *HOST, '--unmanaged', '--lock')
    states = {record['instance']: record['vm_state']
              for record in fixed['records']}
    assert [states[split[name].id] for name in NAMES] == [
        'stopped', 'stopped', 'suspended', 'active']
    outcomes = {(record['instance'], record['store']): record['outcome']
                for record in fixed['records']}
    for name, store in (('stopped-split', 'domain'),
                        ('suspended-split', 'domain'),
                        ('suspended-split', 'managed-save'),
                        ('own-split', 'domain')):
        assert outcomes[split[name].id, store] == 'fixed', name
    assert outcomes[split['stopped-unasked'].id, 'domain'] is None

    assert user.nova.servers.get(kept.id).locked_reason == 'mine'
    user.nova.servers.unlock(kept.id)
    for name in ('suspended-split', 'own-split'):
        assert not user.nova.servers.get(split[name].id).locked
        done = [one.action for one in
                user.nova.instance_action.list(split[name].id)]
        assert done[:2] == ['unlock', 'lock'], name


@pytest.mark.parametrize(('name', 'action'), [
    ('stopped-unasked', ('start',)), ('stopped-split', ('start',)),
    ('suspended-split', ('resume',)), ('own-split', ('reboot', 'SOFT'))])
def test_they_start(split, name, action):
    one = split[name]
    assert one.act(*action) == 'Success'
    one.counts()
    if one.volume:
        assert one.reads()
