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

"""The drawing of the code: who may import whom, and how modules look."""

from __future__ import annotations

import ast
import pathlib
from typing import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'rbd_mon_fix'
HEADER = '# Copyright The rbd-mon-fix authors\n#\n# Licensed under the Apache'

# What each layer may import of ours beside itself and the exceptions. The
# cli composes, so it may import everything.
LAYERS = {
    'exceptions': set(),
    'model': set(),
    'documents': {'model'},
    'core': {'model', 'state'},
    'state': {'model'},
    'ceph': {'model', 'conf'},
    'clients': {'model'},
    'qemu': {'model'},
    'hook': {'model', 'state'},
    'conf': {'model'},
    'report': {'model'},
    'stores': {'model', 'documents', 'clients'},
}

# The only modules that know an outside library.
DOORS = {
    'libvirt': ('clients/libvirt',),
    'novaclient': ('clients/nova_api.py',),
    'keystoneauth1': ('clients/nova_api.py', 'conf/nova_api.py'),
    'sqlalchemy': ('clients/database/',),
    'oslo_db': ('clients/database/',),
    'psutil': ('qemu/processes.py', 'hook/daemon.py'),
    'jsonschema': ('ceph/monitors_file.py',),
}

MODULES = sorted(PACKAGE.rglob('*.py'))
SOURCES = MODULES + sorted(
    path for folder in ('tests', 'tools', 'benchmarks', 'lab')
    for path in (ROOT / folder).rglob('*') if path.suffix in ('.py', '.sh'))


def name(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def statements(path: pathlib.Path) -> Iterator[ast.AST]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node


def imported(path: pathlib.Path) -> Iterator[str]:
    """Yield the dotted name of all that a module imports, lazily or not."""
    for node in statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split('.'))
    return path.is_dir() or path.with_suffix('.py').is_file()


def layer(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def test_there_is_code():
    assert len(MODULES) > 10


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_layers(path):
    here = layer(path)
    # These still ask engine.context for what they need.
    if here in ('cli', 'engine', 'inventory', 'preflight', 'stores',
                '__init__', '__main__'):
        return
    allowed = LAYERS[here] | {here, 'exceptions'}
    used = {dotted.split('.')[1] for dotted in imported(path)
            if dotted.startswith('rbd_mon_fix.')}
    assert used <= allowed, f'{here} may not import {used - allowed}'


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_one_door_a_library(path):
    where = str(path.relative_to(PACKAGE))
    for dotted in imported(path):
        doors = DOORS.get(dotted.split('.')[0])
        assert doors is None or where.startswith(doors), (
            f'{dotted} belongs to {doors}')


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_modules_are_imported_not_names(path):
    for node in statements(path):
        if not isinstance(node, ast.ImportFrom):
            continue
        assert node.level == 0, 'relative import'
        if (node.module.split('.')[0] != 'rbd_mon_fix'
                or node.module.startswith(
                    ('rbd_mon_fix.model', 'rbd_mon_fix.preflight.check'))):
            continue
        for alias in node.names:
            assert is_module(f'{node.module}.{alias.name}')


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_length(path):
    assert len(path.read_text().splitlines()) <= 250


@pytest.mark.parametrize('path', SOURCES, ids=name)
def test_header(path):
    text = path.read_text()
    if text.startswith(('#!', '# shellcheck')):
        text = text.split('\n', 1)[1]
    assert not text.strip() or text.startswith(HEADER)
