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

"""Class names are unique in the whole package."""

from __future__ import annotations

import ast
import collections
import pathlib

import pytest

pytestmark = pytest.mark.once

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / 'rbd_mon_fix'


def clashes(package: pathlib.Path) -> dict[str, list[str]]:
    """Return the modules of each class name that several classes share."""
    found = collections.defaultdict(list)
    for path in sorted(package.rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(package)))
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def test_class_names_are_unique():
    assert clashes(PACKAGE) == {}


def test_clashes_are_found(tmp_path):
    (tmp_path / 'one.py').write_text('class Lock:\n    class Inner: ...\n')
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub' / 'two.py').write_text('class Lock: ...\n')
    assert clashes(tmp_path) == {'Lock': ['one.py', 'sub/two.py']}
