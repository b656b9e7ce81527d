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

"""The page of measurements, and what it is printed from."""

from __future__ import annotations

import pytest

from benchmarks import figures
from benchmarks import page

pytestmark = pytest.mark.once


def test_the_table_is_that_of_the_figures():
    assert page.TABLE.read_text() == page.table(page.read())


@pytest.fixture
def docs(tmp_path, monkeypatch):
    for name in ('DATA', 'TABLE', 'PICTURE'):
        monkeypatch.setattr(page, name, tmp_path / getattr(page, name).name)
    monkeypatch.setattr(page, 'machine', lambda: '2 cores')
    return tmp_path


def test_a_run_leaves_the_figures_of_other_benchmarks(docs):
    page.keep('one', [figures.Figure('a / b', 1.5, 1.3, 'times', '3 s')])
    page.keep('other', [figures.Figure('c', 10.0, 200.0, 'MiB', '')])
    page.keep('other', [figures.Figure('c', 20.0, 200.0, 'MiB', '')])
    text = page.TABLE.read_text()
    assert '   * - a / b\n     - **1.50 times**\n     - 1.3 times\n' in text
    assert '   * - c\n     - 20.00 MiB\n     - 200 MiB\n     -\n' in text
    assert '10.00' not in text
    page.keep('third', [figures.Figure('d', 3.0, None, 'times', '')])
    text = page.TABLE.read_text()
    assert '   * - d\n     - 3.00 times\n     - none\n     -\n' in text
    assert text.endswith(': 2 cores\n')


def test_a_picture(docs):
    page.keep('growth', [], [figures.Point(who, 50 * size, size, 40.0)
                             for size in (1, 2) for who in 'ab'])
    drawn = page.PICTURE.read_text()
    assert '<svg' in drawn
    page.draw(page.read())
    assert page.PICTURE.read_text() == drawn


@pytest.mark.parametrize('text, expected', [
    ('libvirtd (libvirt) 9.0.0', '9.0.0'),
    ('mariadbd  Ver 10.11.19-MariaDB-0+deb12u1', '10.11.19'), ('', '')])
def test_a_version(text, expected):
    assert figures.version(text) == expected
