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

"""The pages of ``--help``: golden files at 80 columns, in one screen each."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import help_pages
from rbd_mon_fix.cli import main

PAGES = pathlib.Path(__file__).parent / 'pages'
LINES = ['', *help_pages.SUMMARIES, 'journal list', 'journal prune',
         'journal show', 'hook install', 'hook remove', 'hook status',
         'shield install', 'shield refresh', 'shield remove',
         'shield status', 'lifeline plan']


@pytest.fixture
def page(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(main, 'CONFIG_FILE', str(tmp_path / 'none'))

    def page(line, columns=80):
        monkeypatch.setenv('COLUMNS', str(columns))
        with pytest.raises(SystemExit) as caught:
            main.main([*line.split(), '--help'])
        assert caught.value.code == 0
        out, err = capsys.readouterr()
        assert err == ''
        return out
    return page


def golden(line):
    return PAGES / f'{"-".join(line.split()) or "top"}.txt'


@pytest.mark.parametrize('line', LINES)
def test_golden(page, line):
    assert page(line) == golden(line).read_text()


@pytest.mark.parametrize('line', LINES)
def test_one_screen(line):
    """A prompt follows the page of 23 lines."""
    shown = golden(line).read_text().splitlines()
    assert len(shown) <= 23
    assert max(map(len, shown)) < 80


def test_no_other_golden():
    assert sorted(PAGES.iterdir()) == sorted(map(golden, LINES))


def test_the_usual_way_and_the_commands_come_first(page):
    shown = page('')
    for name, sentence in help_pages.SUMMARIES.items():
        assert f'  {name:<12}{sentence}\n' in shown
    assert 'rbd-mon-fix refresh --dry-run' in shown
    assert '--log-file' not in shown


@pytest.mark.parametrize('columns', [30, 200])
@pytest.mark.parametrize('line', LINES[1:])
def test_the_words_are_the_same_at_any_width(page, line, columns):
    assert page(line, columns).split() == golden(line).read_text().split()


def test_all_options(monkeypatch, capsys, tmp_path):
    """oslo.log's options, and how to go on, are on the long page."""
    monkeypatch.setattr(main, 'CONFIG_FILE', str(tmp_path / 'none'))
    with pytest.raises(SystemExit) as caught:
        main.main(['--help-all'])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for words in ('--log-file', '--config-file', '--hook-dir DIR',
                  help_pages.EPILOG):
        assert words in shown
    for code in exit_codes.ExitCode:
        assert f'{code.value} ' in help_pages.EPILOG.partition('Exit')[2]


def test_help_of_a_page_needs_no_config(tmp_path):
    path = tmp_path / 'bad.conf'
    path.write_text('nonsense')
    done = subprocess.run(
        [sys.executable, '-m', 'rbd_mon_fix', '--config-file', str(path),
         '--help'], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, '')


