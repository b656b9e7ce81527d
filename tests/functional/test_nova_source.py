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

"""The table of operations against Nova's own source, oldest and newest."""

from __future__ import annotations

import ast
import functools
import pathlib
import re
import subprocess
import types

import pytest

from rbd_mon_fix.core import readers
from rbd_mon_fix.core.readers import DiskKind
from rbd_mon_fix.model.plan import Operation
from tests.functional import releases

FILES = {'driver.py': 'virt/libvirt/driver.py',
         'manager.py': 'compute/manager.py',
         'nova/virt/libvirt/migration.py': 'virt/libvirt/migration.py'}
# The methods of nova/compute/api.py that check a server's state.
CHECKS = {
    Operation.HARD_REBOOT: '_hard_reboot',
    Operation.SOFT_REBOOT: '_soft_reboot', Operation.RESUME: 'resume',
    Operation.UNRESCUE: 'unrescue', Operation.RESCUE: 'rescue',
    Operation.SUSPEND: 'suspend', Operation.SNAPSHOT: 'snapshot',
    Operation.LIVE_MIGRATE: 'live_migrate', Operation.REVERT: 'revert_resize',
}


@pytest.fixture(scope='module', params=releases.RELEASES)
def source(request):
    """Return a function that returns the text of a file of Nova."""
    python = releases.nova_python(request.param)
    found = subprocess.run(
        [python, '-c', 'import importlib.util as u; '
         'print(u.find_spec("nova").origin)'],
        check=True, capture_output=True, text=True).stdout.strip()
    return functools.lru_cache(maxsize=None)(
        lambda path: (pathlib.Path(found).parent / path).read_text())


@functools.lru_cache(maxsize=None)
def functions(text):
    """Return functions by name; the first class comes first."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, node)
    return found


class States:
    """``fields.InstanceState``; values as in nova/objects/fields.py."""

    def __getattr__(self, name):
        return 'soft-delete' if name == 'SOFT_DELETED' else name.lower()


def vm_states(source):
    """Return the constants of nova/compute/vm_states.py."""
    tree = ast.parse(source('compute/vm_states.py'))
    tree.body = [node for node in tree.body if isinstance(node, ast.Assign)]
    found = {'fields': types.SimpleNamespace(InstanceState=States())}
    exec(compile(tree, 'vm_states.py', 'exec'), found)
    return types.SimpleNamespace(**found)


def allowed(source, method):
    """Return the states that ``check_instance_state`` allows."""
    node = functions(source('compute/api.py'))[method]
    [states] = [word.value for decorator in node.decorator_list
                if isinstance(decorator, ast.Call)
                and decorator.func.id == 'check_instance_state'
                for word in decorator.keywords if word.arg == 'vm_state']
    found = {'vm_states': vm_states(source)}
    exec(f'allowed = {ast.unparse(states)}', found)
    return set(found['allowed'])


@pytest.mark.parametrize('operation', CHECKS)
def test_states(source, operation):
    rows = [row for row in readers.ROWS if row.operation is operation
            and row.kinds != (DiskKind.PLAIN,)]
    assert set().union(*(row.states for row in rows)) == allowed(
        source, CHECKS[operation])


def test_all_states_are_known(source):
    known = {value for name, value in vars(vm_states(source)).items()
             if isinstance(value, str) and name.isupper()}
    # Servers in these are on no host.
    assert set(readers.STATES) == known - {'deleted', 'shelved_offloaded'}


@pytest.mark.parametrize('row', [
    row for row in readers.ROWS if not row.source.startswith('libvirt')],
    ids=lambda row: f'{row.store} {row.operation.value}')
def test_the_function_that_a_row_cites_exists(source, row):
    path, name = re.match(r'(\S+\.py), (\w+)', row.source).groups()
    assert name in functions(source(FILES[path]))


@pytest.mark.parametrize('name, fresh', [
    ('_power_on', False), ('_reboot_instance|reboot_instance', False),
    ('resume_instance', False), ('rescue_instance', False),
    ('_init_instance', False), ('_resume_guests_state', False),
    ('_finish_revert_snapshot_based_resize_at_source', False),
    ('_finish_resize', True),
    ('_finish_revert_resize', True),
    ('_do_pre_live_migration|pre_live_migration', True)])
def test_who_asks_cinder_again(source, name, fresh):
    """``refresh_conn_info`` makes Nova renew the block device mappings."""
    found = functions(source('compute/manager.py'))
    node = found[next(each for each in name.split('|') if each in found)]
    text = ast.unparse(node)
    assert '_get_instance_block_device_info(' in text
    assert ('refresh_conn_info=True' in text) is fresh


def test_a_rescue_powers_the_server_off_first(source):
    text = ast.unparse(functions(source('compute/manager.py'))[
        'rescue_instance'])
    assert 0 < text.index('_power_off_instance') < text.index(
        'driver.rescue')


def test_a_revert_from_another_cell_leaves_the_mappings(source):
    text = ast.unparse(functions(source('compute/manager.py'))[
        '_update_volume_attachments'])
    assert 'attachment_update' in text
    assert 'connection_info' not in text


def test_live_migration_depends_on_the_version_of_the_service(source):
    version = int(re.search(r'(?m)^SERVICE_VERSION = (\d+)$',
                            source('objects/service.py')).group(1))
    [until] = {row.until for row in readers.ROWS} - {None}
    assert {row.since for row in readers.ROWS} == {until, None}
    assert ('_update_rbd_xml' in source('virt/libvirt/migration.py')) is (
        version >= until)


@pytest.mark.parametrize('path, name, asks', [
    ('storage/rbd_utils.py', 'get_mon_addrs', "'ceph', 'mon', 'dump'"),
    ('storage/rbd_utils.py', 'ceph_args', 'self.ceph_conf'),
    ('virt/libvirt/driver.py', '_hard_reboot', '_get_guest_xml('),
    ('virt/libvirt/driver.py', '_get_existing_domain_xml', '_get_guest_xml('),
    ('virt/libvirt/driver.py', 'rescue', '_get_guest_xml('),
    ('virt/libvirt/driver.py', 'unrescue', 'RBDDriver().cleanup_volumes('),
    ('virt/libvirt/driver.py', 'snapshot', 'direct_snapshot('),
    ('virt/libvirt/driver.py', 'finish_revert_migration',
     '_get_guest_xml('),
    ('compute/manager.py', '_init_instance', 'finish_revert_migration(')])
def test_who_reads_the_ceph_conf(source, path, name, asks):
    assert asks in ast.unparse(functions(source(path))[name])


@pytest.mark.parametrize('name', ['_soft_reboot', 'suspend', 'pause'])
def test_who_does_not_read_it(source, name):
    text = ast.unparse(functions(source('virt/libvirt/driver.py'))[name])
    assert '_get_guest_xml(' not in text and 'image_backend' not in text
