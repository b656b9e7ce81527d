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

"""The completions are current, and the shells take them."""

from __future__ import annotations

import argparse
import configparser
import pathlib
import re
import shutil
import subprocess

import pytest

from rbd_mon_fix.cli import parser
from rbd_mon_fix.conf import options

pytestmark = pytest.mark.once

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = {'bash': ROOT / 'completion/rbd-mon-fix',
         'zsh': ROOT / 'completion/_rbd-mon-fix',
         'fish': ROOT / 'completion/rbd-mon-fix.fish'}
INSTALLED = {'bash': 'share/bash-completion/completions',
             'zsh': 'share/zsh/site-functions',
             'fish': 'share/fish/vendor_completions.d'}
# Of every command: those of ours, and the usual ones of the libraries.
COMMON = {'--config-file', '--config-dir', '-d', '--debug', '--log-file',
          '--help-all', '--version',
          *(f'--{opt.name}' for opt in options.OPTS),
          *(f'--ceph-{opt.name}' for opt in options.CEPH_FLAGS),
          *(f'--hook-{opt.name}' for opt in options.HOOK_OPTS),
          *(f'--shield-{opt.name}' for opt in options.SHIELD_OPTS)}
BOUND = 60


def commands(found, path=()):
    """Yield each command with its own options."""
    if path:
        yield path, {option for action in found._actions
                     for option in action.option_strings}
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from commands(inner, (*path, name))


def top():
    found = argparse.ArgumentParser()
    parser.add_parsers(found.add_subparsers(), None)
    return found


COMMANDS = dict(commands(top()))


@pytest.mark.parametrize('shell', FILES)
def test_current(shell):
    """If this fails, run tox -e completion."""
    pytest.importorskip('shtab')
    from tools import completion
    assert completion.FILES[shell] == FILES[shell]
    assert completion.content(shell) == FILES[shell].read_text()


@pytest.mark.parametrize('path', COMMANDS, ids=' '.join)
def test_every_option_is_completed(path):
    """Without shtab, so that nobody overlooks it."""
    wanted = COMMANDS[path] | COMMON
    name = '_'.join(path)
    array = re.search(
        rf'^_shtab_rbd_mon_fix_{name}_option_strings=\((.*)\)$',
        FILES['bash'].read_text(), re.MULTILINE)
    assert wanted == set(array[1].replace("'", '').split()), (
        'run tox -e completion')
    fish = re.findall(
        rf"_using {' '.join(path)}' (?:-s (\w) )?(?:-l ([\w-]+))?",
        FILES['fish'].read_text())
    assert wanted == {f'-{short}' for short, _ in fish if short} | {
        f'--{word}' for _, word in fish if word}
    zsh = FILES['zsh'].read_text().partition(
        f'_shtab_rbd_mon_fix_{name}_options=(')[2].partition('\n)')[0]
    assert all(option in zsh for option in wanted)


def test_they_are_installed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    for shell, folder in INSTALLED.items():
        path = FILES[shell].relative_to(ROOT)
        assert f'{folder} = {path}\n' in setup['files']['data_files'] + '\n'


LINES = [
    ('rbd-mon-fix sta', {'status'}),
    ('rbd-mon-fix --offline --journal-dir /tmp sta', {'status'}),
    ('rbd-mon-fix status --st', {'--store'}),
    ('rbd-mon-fix status --jour', {'--journal-dir'}),
    ('rbd-mon-fix refresh --store live', set()),
    ('rbd-mon-fix refresh --store un', {'unrescue'}),
    ('rbd-mon-fix -f csv status -c ta', {'task_state'}),
    ('rbd-mon-fix journal show -c o', {'old', 'outcome'}),
    ('rbd-mon-fix hook ', {'install', 'remove', 'status'}),
    ('rbd-mon-fix shield re', {'refresh', 'remove'})]


@pytest.mark.parametrize('line, expected', LINES)
def test_bash(line, expected):
    done = subprocess.run(['bash', '-c', '''
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$(complete -p rbd-mon-fix | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
''', 'bash', str(FILES['bash']), *line.split(' ')], capture_output=True,
        text=True, timeout=BOUND, check=True)
    assert (set(done.stdout.split()), done.stderr) == (expected, '')


@pytest.mark.skipif(not shutil.which('fish'), reason='there is no fish')
@pytest.mark.parametrize('line, expected', LINES)
def test_fish(tmp_path, line, expected):
    command = tmp_path / 'rbd-mon-fix'
    command.write_text('#!/bin/sh\n')
    command.chmod(0o755)
    done = subprocess.run(
        ['fish', '--no-config', '-c', f'set -p PATH {tmp_path}; '
         f"source {FILES['fish']}; complete -C '{line}'"],
        capture_output=True, text=True, timeout=BOUND, check=True,
        stdin=subprocess.DEVNULL)
    found = {row.split('\t')[0] for row in done.stdout.splitlines()}
    assert (found, done.stderr) == (expected, '')


@pytest.mark.skipif(not shutil.which('zsh'), reason='there is no zsh')
def test_zsh():
    subprocess.run(['zsh', '-f', '-n', str(FILES['zsh'])], check=True,
                   timeout=BOUND)


def test_zsh_takes_no_quotes_in_the_name_of_a_value():
    """It reports "invalid argument" when a key is pressed, not earlier."""
    assert not re.search(r':"\w', FILES['zsh'].read_text())
