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

"""The documentation matches the code."""

from __future__ import annotations

import argparse
import pathlib
import re
import shlex
import textwrap
from typing import Iterator

from oslo_config import cfg
import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.cli import command_line
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import gate
from rbd_mon_fix.cli import guests
from rbd_mon_fix.cli import help_pages
from rbd_mon_fix.cli import hook
from rbd_mon_fix.cli import journal
from rbd_mon_fix.cli import lifeline
from rbd_mon_fix.cli import main
from rbd_mon_fix.cli import parser
from rbd_mon_fix.cli import preflight
from rbd_mon_fix.cli import shield
from rbd_mon_fix.cli import verify
from rbd_mon_fix.conf import options
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.lifeline import WayKind
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.preflight.check import Works
from rbd_mon_fix.report import schema

pytestmark = pytest.mark.once

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / 'README.rst'
REFERENCE = ROOT / 'docs/reference.rst'
RUNBOOK = ROOT / 'docs/runbook.rst'
MAN = ROOT / 'docs/man/rbd-mon-fix.rst'
TEXTS = sorted([README, *(ROOT / 'docs').glob('*.rst'), MAN])

_BLOCK_LINE = re.compile(r'^ +(?:[$#] )?(rbd-mon-fix .*)$', re.MULTILINE)
_INLINE = re.compile(r'``(rbd-mon-fix\s(?!\[options\]|RUN``)[^`]+)``')
# Text after a command: a redirection or a remark.
_BEHIND = re.compile(r'(?: >| {2,}).*$')
_EXIT_CODE = re.compile(r'^(\d+)  +(\S.*(?:\n      .*)*)', re.MULTILINE)
_TERM = re.compile(r'^(``.+)\n(?=    \S)', re.MULTILINE)


def name(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def commands() -> Iterator[tuple[str, str]]:
    """Yield every command line in the documentation, and its location."""
    texts = {name(path): path.read_text() for path in TEXTS}
    for where, text in {
            **texts, '--help': help_pages.top(),
            '--help-all': help_pages.EPILOG}.items():
        for line in _BLOCK_LINE.findall(re.sub(r'\\\n +', '', text)):
            yield where, _BEHIND.sub('', line)
        for words in _INLINE.findall(text):
            yield where, ' '.join(words.split())


def section(path: pathlib.Path, title: str) -> str:
    """Return the text between a heading and the next one."""
    text = path.read_text()
    _, found, rest = text.partition(f'\n{title}\n{"-" * len(title)}\n')
    assert found, f'{name(path)} has no section {title}'
    return re.split(r'\n.+\n(?:-{3,}|={3,})\n', rest)[0]


def terms(path: pathlib.Path, title: str) -> list[str]:
    """Return the terms that a section explains, each with its text."""
    return [term for line in _TERM.findall(section(path, title))
            for term in re.findall('``([^`]+)``', line)]


@pytest.fixture
def parse(monkeypatch):
    monkeypatch.setattr(main.logging, 'setup', lambda *args: None)

    def parse(words: list[str]) -> cfg.ConfigOpts:
        conf = command_line.CommandLine()
        main._parse(conf, words)
        return conf

    return parse


def test_all_commands_are_shown():
    found = {(where, line.split()[1]) for where, line in commands()}
    for command in ('monitors', 'status', 'refresh', 'rollback'):
        for where in ('README.rst', 'docs/runbook.rst', '--help-all'):
            assert (where, command) in found
    for command in ('preflight', 'verify', 'guests', 'gate', 'lifeline',
                    'hook'):
        for where in ('README.rst', 'docs/runbook.rst'):
            assert (where, command) in found
    assert ('docs/runbook.rst', 'journal') in found


@pytest.mark.parametrize('where, line', sorted(set(commands())))
def test_commands_parse(parse, where, line):
    words = shlex.split(line)[1:]
    if '--help' in words or '--help-all' in words:
        return
    assert parse(words).command.name in words


@pytest.mark.parametrize('line', [
    'status --hosts-file x', 'guests --all-hosts', 'scan --host H', 'hook',
    'verify --parallel 0', 'refresh --max-changes none'])
def test_other_commands_do_not(parse, line, capsys):
    with pytest.raises(SystemExit):
        parse(line.split())


@pytest.mark.parametrize('path', [README, REFERENCE], ids=name)
def test_exit_codes(path):
    table = path.read_text().partition('\nCode  Meaning\n')[2]
    found = {int(code): ' '.join(meaning.split())
             for code, meaning in _EXIT_CODE.findall(table)}
    assert found == {code.value: code.meaning
                     for code in exit_codes.ExitCode}


def test_exit_codes_of_help():
    told = help_pages.EPILOG.partition('Exit codes:')[2]
    assert [int(code) for code in re.findall(r'\d+', told)] == list(
        exit_codes.ExitCode)


def test_the_man_page_has_what_the_reference_has():
    reference, man = REFERENCE.read_text(), MAN.read_text()
    for part in ('commands', 'options', 'exit codes'):
        for mark in ('begin', 'end'):
            assert reference.count(f'\n.. {part} {mark}\n') == 1
            assert f': .. {part} {mark}\n' in man


@pytest.mark.parametrize('title, words', [
    ('States', State), ('Left alone', SkipReason), ('Outcomes', Verdict),
    ('Findings', FindingKind), ('Stranded guests', GuestState)])
def test_words_are_explained(title, words):
    assert terms(RUNBOOK, title) == [word.value for word in words]


@pytest.mark.parametrize('title, keys', [
    ('Records', schema.columns(schema.Kind.REFRESH)),
    ('Summary', tuple(schema.summary(Summary()))),
    ('Clusters', tuple(schema.cluster(
        Cluster('ceph', None, Source.NONE, MonMap(()), ()), None))),
    ('Findings', tuple(schema.finding(
        Finding(FindingKind.POOL, 'cmp1', '', (), (), '')))),
    ('Checks', preflight.COLUMNS),
    ('Disks', verify.COLUMNS),
    ('Running guests', guests.COLUMNS),
    ('Watchers', gate.COLUMNS),
    ('Lifelines', lifeline.COLUMNS),
    ('Parts of the hook', hook.COLUMNS),
    ('Users of the shield', shield.COLUMNS)])
def test_keys_are_explained(title, keys):
    assert sorted(terms(REFERENCE, title)) == sorted(keys)


@pytest.mark.parametrize('title, words', [
    ('Clusters', [source.value for source in Source]),
    ('Records', [*parser.STORES,
                 *(operation.value for operation in Operation)]),
    ('Findings', [kind.value for kind in FindingKind]),
    ('Checks', [works.value for works in Works]),
    ('Watchers', [state.value for state in GuestState]),
    ('Lifelines', [kind.value for kind in WayKind]),
    ('Running guests', [state.value for state in GuestState]),
    ('Users of the shield', [state.value for state in engine.ShieldState]),
    ('Journal', [*journal.PRUNED, *journal.CHANGES])])
def test_words_are_named(title, words):
    text = section(REFERENCE, title)
    assert [word for word in words if f'``{word}``' not in text] == []


def parsers() -> dict[str, argparse.ArgumentParser]:
    top = argparse.ArgumentParser().add_subparsers()
    parser.add_parsers(top, None)
    return dict(top.choices)


# What every command takes.
COMMON = ('--help', '--format', '--column')


@pytest.mark.parametrize('flag', COMMON)
def test_common_arguments_are_explained(flag):
    told = REFERENCE.read_text()
    assert re.search(rf'^``-\w.*``, ``{flag}', told, re.MULTILINE)
    for found in parsers().values():
        assert flag == '--help' or flag in found.format_help() or (
            found.prog.endswith(('journal', 'hook', 'shield', 'lifeline'))
            or (flag, found.prog[-5:]) == ('--column', 'check'))


@pytest.mark.parametrize('command', parsers())
def test_arguments_are_explained(command):
    own = section(REFERENCE, command)
    if 'Takes the arguments of ``status``' in ' '.join(own.split()):
        own += section(REFERENCE, 'status')
    flags = [action.option_strings[-1]
             for action in parsers()[command]._actions
             if action.option_strings]
    assert [flag for flag in flags if f'``{flag}' not in own
            and flag not in COMMON] == []


@pytest.mark.parametrize('command', ['journal', 'hook', 'shield',
                                     'lifeline'])
def test_actions_are_explained(command):
    own = section(REFERENCE, command)
    [actions] = [action.choices or () for action in parsers()[command]._actions
                 if action.dest == 'action']
    assert [name for name in actions
            if f'``{command} {name}' not in own] == []


@pytest.mark.parametrize('flag', [
    *(opt.name for opt in options.OPTS),
    *(f'ceph-{opt.name}' for opt in options.CEPH_FLAGS),
    *(f'hook-{opt.name}' for opt in options.HOOK_OPTS),
    *(f'shield-{opt.name}' for opt in options.SHIELD_OPTS)])
def test_options_are_explained(flag):
    told = REFERENCE.read_text().partition('.. options begin')[2]
    assert f'``--{flag}' in told.partition('.. options end')[0]


def test_the_readme_shows_captures_as_they_are():
    text = (ROOT / 'README.rst').read_text()
    shown = [path.name for path in (ROOT / 'docs' / 'captures').iterdir()
             if textwrap.indent(path.read_text(), '   ') in text]
    assert len(shown) == 3
    assert text.count('$ rbd-mon-fix ') == 3


@pytest.mark.parametrize('width', [80, 160])
def test_captures_fit_their_terminal(width):
    for path in (ROOT / 'docs' / 'captures').glob(f'*-{width}x*.txt'):
        lines = path.read_text().splitlines()
        assert max(map(len, lines)) <= width
        assert lines[0].startswith('$ rbd-mon-fix ')
