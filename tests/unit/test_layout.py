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

"""The layout of the code: import rules between rooms, and form of modules."""

from __future__ import annotations

import ast
import dataclasses
import graphlib
import pathlib
from typing import Iterable, Iterator, Mapping

import pytest

from rbd_mon_fix import engine

pytestmark = pytest.mark.once

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'rbd_mon_fix'
HEADER = '# Copyright The rbd-mon-fix authors\n#\n# Licensed under the Apache'

# The rooms that each room may import, besides itself and the exceptions: at
# the top of a module, in a function or for types only.
ROOMS = {
    '__init__': set(),
    '__main__': {'cli'},
    'cli': {'engine', 'preflight', 'report', 'conf', 'model'},
    'preflight': {'engine', 'inventory', 'ceph', 'core', 'stores', 'state',
                  'qemu', 'hook', 'conf', 'documents', 'clients', 'model'},
    'engine': {'inventory', 'ceph', 'core', 'stores', 'state', 'qemu', 'hook',
               'conf', 'documents', 'clients', 'model'},
    'report': {'model'},
    'inventory': {'clients', 'documents', 'conf', 'model'},
    'stores': {'clients', 'documents', 'model'},
    'ceph': {'clients', 'conf', 'model'},
    'hook': {'state', 'model'},
    'state': {'model'},
    'core': {'model'},
    'qemu': {'clients', 'model'},
    'documents': {'model'},
    'clients': {'model'},
    'conf': {'model'},
    'model': set(),
    'exceptions': set(),
}

# The only modules that may import an external library.
DOORS = {
    'jsonschema': ('model/json_form.py',),
    'libvirt': ('clients/libvirt',),
    'libvirt_qemu': ('clients/libvirt_monitor.py',),
    'novaclient': ('clients/nova_api.py',),
    'keystoneauth1': ('clients/nova_api.py', 'clients/nova_login.py',
                      'conf/nova_api.py'),
    'openstack': ('clients/nova_login.py',),
    'sqlalchemy': ('clients/database/',),
    'prometheus_client': ('report/metrics.py',),
    'psutil': ('qemu/processes.py', 'hook/daemon.py'),
    'rich': ('report/',),
    'argparse': ('cli/action_parsers.py', 'cli/argument_types.py',
                 'cli/check_options.py', 'cli/command_line.py',
                 'cli/command_parser.py', 'cli/help_pages.py', 'cli/parser.py',
                 'conf/flag_list.py'),
}

# Names, not modules, may be imported from here: values that all know.
VALUES = ('rbd_mon_fix.model', 'rbd_mon_fix.preflight.check')

# Modules without a test of their own: the test that covers each, and why
# there.
CLOUDS = 'it takes config files, databases and libvirts of whole clouds'
LEARNING = 'clusters are learnt by way of it'
COVERED = {
    '__main__.py': ('unit/cli/test_main.py', 'a process of its own runs it'),
    'cli/action_parsers.py': (
        'unit/cli/test_parser.py', 'the parser is made of them'),
    'cli/argument_types.py': (
        'unit/cli/test_parser.py', 'the parser is made of them'),
    'cli/check_options.py': (
        'unit/cli/test_parser.py', 'the parser is made of them'),
    'cli/census.py': (
        'unit/cli/test_gate.py', 'both commands print by it'),
    'cli/command_parser.py': (
        'unit/cli/test_parser.py', 'the parser is made of it'),
    'cli/error_lines.py': (
        'unit/cli/test_main.py', 'each ending of a command is told by it'),
    'ceph/monitors_schema.py': (
        'unit/ceph/test_monitors_file.py', 'it checks each such file'),
    'ceph/parallel.py': (
        'unit/ceph/test_commands.py', 'all such commands run by it'),
    'ceph/discovery.py': ('unit/ceph/test_clusters.py', LEARNING),
    'documents/host_elements.py': (
        'unit/documents/test_rbd_source.py', 'each source reads them'),
    'documents/host_lists.py': (
        'unit/documents/test_connection_info.py', 'each document has them'),
    'engine/libvirts.py': (
        'unit/engine/test_context.py', 'a context has one of them'),
    'engine/named_secrets.py': (
        'unit/preflight/test_secrets.py', 'each of them is looked up'),
    'engine/opening.py': (
        'unit/engine/test_api.py', 'it is how others begin'),
    'engine/other_places.py': (
        'unit/engine/test_findings.py', 'findings are made of them'),
    'engine/run_result.py': (
        'unit/engine/test_execution.py', 'each run has one'),
    'engine/running_guests.py': (
        'unit/engine/test_connectivity.py', 'guests are judged there'),
    'engine/plan_write.py': (
        'unit/engine/test_writes.py', 'writes are made of them'),
    'engine/qemu_on_host.py': (
        'unit/engine/test_shield_proof.py', 'a proof runs as it says'),
    'engine/scopes.py': (
        'unit/engine/test_scan.py', 'a scan reads them'),
    'engine/shield_conf.py': (
        'unit/engine/test_shield.py', 'each action reads or writes it'),
    'engine/shield_cover.py': (
        'unit/engine/test_shield.py', 'status and verify use it there'),
    'engine/shield_states.py': (
        'unit/engine/test_shield.py', 'each action returns them'),
    'engine/shield_survey.py': (
        'unit/engine/test_shield.py', 'each shield begins with it'),
    'engine/__init__.py': (
        'unit/engine/test_api.py', 'it is what others import'),
    'exceptions.py': (
        'unit/cli/test_exit_codes.py', 'each error has a code'),
    'model/census.py': (
        'unit/core/test_census.py', 'watchers are judged there'),
    'model/evidence.py': (
        'unit/core/test_ownership.py', 'a value without code'),
    'model/finding.py': (
        'unit/report/test_schema.py', 'a value without code'),
    'model/guest.py': (
        'unit/core/test_connectivity.py', 'a value without code'),
    'model/lifeline.py': (
        'unit/core/test_lifeline.py', 'plans are made of these values'),
    'model/rescue.py': (
        'unit/core/test_rescue_commands.py', 'commands are made of them'),
    'model/saved_plan.py': (
        'unit/core/test_digest.py', 'a value without code'),
    'model/shield.py': (
        'unit/core/test_shielding.py', 'values without code'),
    'model/store.py': (
        'unit/stores/test_contract.py', 'it is the contract of all stores'),
    'cli/version.py': (
        'unit/cli/test_main.py', '--version prints it'),
    'preflight/ceph.py': ('functional/test_preflight.py', CLOUDS),
    'preflight/machine.py': ('functional/test_preflight.py', CLOUDS),
    'preflight/services.py': ('functional/test_preflight.py', CLOUDS),
    'qemu/qemu_img_errors.py': (
        'unit/qemu/test_open_check.py', 'a program says them'),
    'report/bar.py': ('unit/report/test_progress.py', 'it is shown there'),
    'report/ending.py': (
        'unit/report/test_table.py', 'a value without code'),
    'report/lines.py': ('unit/report/test_listing.py', 'a protocol'),
    'report/plain.py': ('unit/report/test_table.py', 'a pipe gets it'),
    'report/syntax.py': (
        'unit/report/test_machine.py', 'each format is read back there'),
    'state/journal_files.py': (
        'unit/state/test_journal.py', 'a journal reads its files by it'),
    'state/journal_records.py': (
        'unit/state/test_journal.py', 'a journal is read back there'),
    'state/permissions.py': (
        'unit/state/test_private_folder.py', 'folders are judged by it'),
    'stores/live_domain.py': (
        'unit/stores/test_domain.py', 'it takes what was read there'),
}

MODULES = sorted(PACKAGE.rglob('*.py'))
SOURCES = MODULES + sorted(
    path for folder in ('tests', 'tools', 'benchmarks', 'lab')
    for path in (ROOT / folder).rglob('*') if path.suffix in ('.py', '.sh'))


@dataclasses.dataclass(frozen=True)
class Import:
    """One import of a module.

    :param dotted: the module, and the name if a name is imported from it
    :param early: the import happens when the module itself is imported
    """

    dotted: str
    early: bool

    @property
    def is_ours(self) -> bool:
        return self.dotted.startswith('rbd_mon_fix.')

    @property
    def room(self) -> str:
        return self.dotted.split('.')[1]

    @property
    def module(self) -> str:
        """Return the module, whether the import names it or a name in it."""
        return (self.dotted if is_module(self.dotted)
                else self.dotted.rpartition('.')[0])


def name(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def dotted_name(path: pathlib.Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def statements(node: ast.AST, early: bool = True
               ) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the import statements of a module, and whether each is early."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, early
        else:
            yield from statements(child, early and not is_late(child))


def is_late(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef,
                             ast.Lambda)) or (
        isinstance(node, ast.If)
        and ast.unparse(node.test).endswith('TYPE_CHECKING'))


def imports(code: str) -> Iterator[Import]:
    """Yield all imports of a module, lazy or not."""
    for node, early in statements(ast.parse(code)):
        for alias in node.names:
            yield Import(alias.name if isinstance(node, ast.Import)
                         else f'{node.module}.{alias.name}', early)


def is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split('.'))
    return path.is_dir() or path.with_suffix('.py').is_file()


def room_of(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a circle in a graph; its first node is repeated at the end."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_there_is_code():
    assert len(MODULES) > 10


@pytest.mark.parametrize('code, expected', [
    ('import a.b', [('a.b', True)]),
    ('from a import b, c', [('a.b', True), ('a.c', True)]),
    ('try:\n    import a\nexcept ImportError:\n    pass', [('a', True)]),
    ('class A:\n    import a', [('a', True)]),
    ('def f():\n    from a import b', [('a.b', False)]),
    ('class A:\n    def f(self):\n        import a', [('a', False)]),
    ('async def f():\n    if x:\n        import a', [('a', False)]),
    ('if TYPE_CHECKING:\n    import a', [('a', False)]),
    ('if typing.TYPE_CHECKING:\n    import a', [('a', False)]),
    ('if x:\n    import a', [('a', True)])])
def test_imports_are_seen(code, expected):
    assert [(each.dotted, each.early) for each in imports(code)] == expected


@pytest.mark.parametrize('graph, expected', [
    ({}, set()), ({'a': {'b', 'c'}, 'b': {'c'}}, set()),
    ({'a': {'a'}}, {'a'}), ({'a': {'b'}, 'b': {'a'}, 'c': {'a'}}, {'a', 'b'}),
    ({'a': {'b'}, 'b': {'c'}, 'c': {'b'}}, {'b', 'c'})])
def test_circles_are_seen(graph, expected):
    assert set(circle(graph)) == expected


def test_each_room_has_a_rule():
    assert set(map(room_of, MODULES)) == set(ROOMS)


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_rooms(path):
    here = room_of(path)
    allowed = ROOMS[here] | {here}
    if here not in ('__init__', 'model'):
        allowed.add('exceptions')
    used = {each.room for each in imports(path.read_text()) if each.is_ours}
    assert used <= allowed, f'{here} may not import {used - allowed}'


def test_no_arrow_leads_back():
    """Neither in the rules, nor in the actual imports of the rooms."""
    assert circle(ROOMS) == []
    found: dict[str, set[str]] = {}
    for path in MODULES:
        found.setdefault(room_of(path), set()).update(
            each.room for each in imports(path.read_text())
            if each.is_ours and each.room != room_of(path))
    assert circle(found) == []


def test_no_modules_import_each_other():
    found = {dotted_name(path): {
        each.module for each in imports(path.read_text())
        if each.is_ours and each.early} for path in MODULES}
    assert circle(found) == []


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_one_door_a_library(path):
    where = str(path.relative_to(PACKAGE))
    for each in imports(path.read_text()):
        doors = DOORS.get(each.dotted.split('.')[0])
        assert doors is None or where.startswith(doors), (
            f'{each.dotted} belongs to {doors}')


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_modules_are_imported_not_names(path):
    for node, _ in statements(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        assert node.level == 0, 'relative import'
        if node.module.split('.')[0] != 'rbd_mon_fix':
            continue
        for alias in node.names:
            dotted = f'{node.module}.{alias.name}'
            assert may_be_imported(path, dotted), f'{dotted} is a name'


def may_be_imported(path: pathlib.Path, dotted: str) -> bool:
    module, _, word = dotted.rpartition('.')
    if is_module(dotted) or module.startswith(VALUES):
        return True
    # The public API of the engine, and the module that assembles it.
    return word in engine.__all__ and (
        module == 'rbd_mon_fix.engine'
        or path == PACKAGE / 'engine' / '__init__.py')


@pytest.mark.parametrize('path, dotted, may', [
    ('cli/main.py', 'rbd_mon_fix.engine', True),
    ('cli/main.py', 'rbd_mon_fix.engine.ScanRequest', True),
    ('cli/main.py', 'rbd_mon_fix.engine.scan', True),
    ('cli/main.py', 'rbd_mon_fix.engine.Scan', False),
    ('cli/main.py', 'rbd_mon_fix.engine.selection.ScanRequest', False),
    ('engine/__init__.py', 'rbd_mon_fix.engine.selection.ScanRequest', True),
    ('engine/__init__.py', 'rbd_mon_fix.engine.scan.Scan', False),
    ('cli/main.py', 'rbd_mon_fix.model.plan.Plan', True),
    ('cli/main.py', 'rbd_mon_fix.core.guard.Guard', False)])
def test_which_names_may_be_imported(path, dotted, may):
    assert may_be_imported(PACKAGE / path, dotted) is may


def has_code(path: pathlib.Path) -> bool:
    return any(not isinstance(node, (ast.Import, ast.ImportFrom))
               for node in ast.parse(path.read_text()).body)


def own_test(path: pathlib.Path) -> pathlib.Path:
    where = path.relative_to(PACKAGE)
    return ROOT / 'tests' / 'unit' / where.parent / f'test_{where.name}'


@pytest.mark.parametrize('path', list(filter(has_code, MODULES)), ids=name)
def test_every_module_has_a_test(path):
    where = str(path.relative_to(PACKAGE))
    if own_test(path).is_file():
        assert where not in COVERED, (
            f'{name(path)} has {name(own_test(path))}: drop it from COVERED')
        return
    assert where in COVERED, (
        f'{name(path)} has no {name(own_test(path))}; write it, or say in '
        'COVERED which test covers the module')
    covering, why = COVERED[where]
    assert (ROOT / 'tests' / covering).is_file(), (
        f'{name(path)} is covered by tests/{covering}, which is missing')
    assert why


def test_only_modules_are_covered():
    assert sorted(COVERED) == sorted(
        where for where in COVERED if (PACKAGE / where).is_file())


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_length(path):
    assert len(path.read_text().splitlines()) <= 250


@pytest.mark.parametrize('path', SOURCES, ids=name)
def test_header(path):
    text = path.read_text()
    if text.startswith(('#!', '# shellcheck')):
        text = text.split('\n', 1)[1]
    assert not text.strip() or text.startswith(HEADER)
