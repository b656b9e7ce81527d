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

"""Options before and after the command."""

from __future__ import annotations

import argparse
import contextlib
import io

from oslo_config import cfg
from oslo_log import log as logging
import pytest

from rbd_mon_fix.cli import command_line
from rbd_mon_fix.cli import help_pages
from rbd_mon_fix.cli import parser
from rbd_mon_fix.conf import options

VALUES = {'H': 'a', 'SERVER': 'web', 'N': '3', 'SECONDS': '2',
          'COLUMN': 'host', 'FORMAT': 'json', 'MODE': 'none',
          'STORE': 'domain', 'FSID': '8a531320-0f05-4842-a642-2f40a98c65ab'}
# They end the parse, or need a value that exists.
APART = ('--help', '--help-all', '--version', '--config-file',
         '--config-dir', '--shell_completion')


def unparsed():
    conf = command_line.CommandLine()
    options.register(conf)
    logging.register_options(conf)
    conf.register_cli_opt(cfg.SubCommandOpt(
        'command', handler=lambda commands: parser.add_parsers(
            commands, conf._oparser)))
    return conf


def parsed(*words):
    conf = unparsed()
    conf([*map(str, words)], project='rbd-mon-fix', prog='rbd-mon-fix',
         usage=help_pages.USAGE, version='1.2', default_config_files=[],
         default_config_dirs=[])
    return conf


def values(*words):
    """Return everything that a command line sets."""
    return {name: value for name, value
            in vars(parsed(*words)._namespace).items() if name[0] != '_'}


def top():
    return parsed('monitors')._oparser


def lines(found, line=()):
    """Yield the words of each command, and its parser."""
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from lines(inner, (*line, name))
            return
    run = [word for action in found._actions if action.required
           for word in (*action.option_strings[-1:],
                        VALUES.get(action.metavar, 'R'))]
    yield (*line, *run), found


def spellings(found):
    for action in found._actions:
        for option in action.option_strings:
            if not (action.required
                    or set(action.option_strings) & set(APART)):
                yield option, ([] if action.nargs == 0 else [
                    VALUES.get(action.metavar)
                    or (action.choices or ['x'])[0]])


# The options of all commands are tried with two of these.
WITH_ALL = ('status', 'journal')
CASES = [(line, option, value) for line, found in lines(top())
         for option, value in (*spellings(found), *(
             spellings(top()) if line[0] in WITH_ALL else ()))]


def test_there_are_cases():
    assert len({line for line, _, _ in CASES}) == 20
    assert {option for _, option, _ in CASES} >= {
        '-d', '--debug', '-f', '--offline', '--hook-dir', '--host', '-v',
        '--monitors-file', '--log-file', '--dry-run', '--instance'}


@pytest.mark.parametrize('line, option, value', CASES, ids=[
    f'{"-".join(line)}{option}' for line, option, _ in CASES])
def test_before_and_after_the_command(line, option, value):
    after = values(*line, option, *value)
    assert values(option, *value, *line) == after
    assert values(line[0], option, *value, *line[1:]) == after
    joined = '=' if option.startswith('--') else ''
    if value:
        assert values(f'{option}{joined}{value[0]}', *line) == after
        assert values(*line, f'{option}{joined}{value[0]}') == after
        assert values(*line) != after


@pytest.mark.parametrize('words, expected', [
    (['-d', 'status'], True), (['status', '-d'], True),
    (['status', '-vd'], True), (['-dv', 'status'], True),
    (['status', '--debug'], True), (['status'], False)])
def test_debug(words, expected):
    conf = parsed(*words)
    assert conf.debug is expected
    assert command_line.wants_debug(words) is expected


@pytest.mark.parametrize('words', [
    ['--keep', '3', 'journal', 'prune'], ['journal', '--keep', '3', 'prune'],
    ['journal', 'prune', '--keep=3']])
def test_a_required_option(words):
    assert parsed(*words).command.keep == 3


def test_repeated_on_both_sides():
    conf = parsed('--host', 'a', '--nova-config-file', 'x', 'status',
                  '--nova-config-file', 'y', '--host', 'b')
    assert conf.command.host == ['a', 'b']
    assert conf.nova_config_file == ['x', 'y']


@pytest.mark.parametrize('place', range(4))
@pytest.mark.parametrize('option', ['--config-file', '--config-dir'])
def test_the_command_line_replaces_files(tmp_path, option, place):
    """Wherever the file stands, in front of the flags or behind them."""
    path = tmp_path / 'a.conf'
    path.write_text('[DEFAULT]\nlibvirt_uri = file\njournal_dir = file\n'
                    'offline = true\nnova_config_file = file\n'
                    '[hook]\ndir = file\n')
    words = ['--libvirt-uri=flag', '--nooffline', 'status',
             '--nova-config-file=flag', '--hook-dir=flag']
    words.insert(place, f'{option}='
                 f'{tmp_path if option == "--config-dir" else path}')
    conf = parsed(*words)
    assert conf.journal_dir == 'file'
    assert (conf.libvirt_uri, conf.offline, conf.nova_config_file,
            conf.hook.dir) == ('flag', False, ['flag'], 'flag')


def test_an_abbreviated_config_file_replaces_the_default(tmp_path):
    for name in ('own', 'default'):
        (tmp_path / f'{name}.conf').write_text(
            f'[DEFAULT]\n{name}_x = 1\njournal_dir = {name}\n')
    conf = unparsed()
    conf(['status', '--config-f', str(tmp_path / 'own.conf')],
         default_config_files=[str(tmp_path / 'default.conf')],
         default_config_dirs=[])
    assert conf.config_file == [str(tmp_path / 'own.conf')]
    assert conf.journal_dir == 'own'


def shown(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with pytest.raises(SystemExit) as caught:
            parsed(*words)
    return caught.value.code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize('words', [
    ('--help', 'status'), ('status', '--help'), ('-h', 'status'),
    ('status', '-h', '--host', 'a'), ('--offline', '-h', 'status'),
    ('status', '-vh')])
def test_help_of_a_command(words):
    code, out, _ = shown(*words)
    assert code == 0
    assert out.startswith('usage: rbd-mon-fix status [options]\n')


@pytest.mark.parametrize('words', [
    ('--help',), ('-h',), ('--help', '--debug'), ('-dh',),
    ('--host', 'a', '--help')])
def test_help_without_a_command(words):
    code, out, _ = shown(*words)
    assert code == 0
    assert out.startswith('usage: rbd-mon-fix [options] COMMAND [options]\n')
    assert '--log-file' not in out


@pytest.mark.parametrize('words', [
    ('--help-all',), ('status', '--help-all'), ('--help-all', 'status')])
def test_all_options(words):
    code, out, _ = shown(*words)
    assert code == 0
    for flag in ('--log-file', '--config-file', '--journal-dir', 'status'):
        assert flag in out


@pytest.mark.parametrize('words', [('--version',), ('status', '--version')])
def test_version(words):
    assert shown(*words)[:2] == (0, '1.2\n')


@pytest.mark.parametrize('words, error', [
    (('--nonsense', 'status'), 'unrecognized arguments: --nonsense'),
    (('status', '--nonsense'), 'unrecognized arguments: --nonsense'),
    (('--dry-run', 'status'), 'unrecognized arguments: --dry-run'),
    (('status', '--host'), 'argument --host: expected one argument'),
    (('status', '--ver'), 'ambiguous option: --ver could match'),
    (('--offline', '--host', 'status'), 'required: COMMAND'),
    (('status', '--', '--host', 'a'), 'unrecognized arguments: -- --host a'),
    (('status', '--offline=1'), 'ignored explicit argument')])
def test_errors(words, error):
    code, out, err = shown(*words)
    assert (code, out) == (2, '')
    assert error in err


def test_words_behind_a_double_dash_are_no_options():
    conf = parsed('rollback', '--dry-run', '--', '--odd')
    assert (conf.command.run, conf.command.dry_run) == ('--odd', True)


def test_an_option_means_the_same_for_every_command():
    """It is collected before the command is known."""
    found = {}
    for _, each in (*lines(top()), ((), top())):
        for action in each._actions:
            for option in action.option_strings:
                found.setdefault(option, set()).add(
                    (tuple(action.option_strings), action.nargs))
    assert [option for option, kinds in found.items()
            if len(kinds) > 1] == []


@pytest.mark.parametrize('line, expected', [
    ('', ''), ('status', ''), ('status -f json', 'json'), ('-fyaml', 'yaml'),
    ('-f=json', 'json'), ('status -vf json', 'json'), ('-f', ''),
    ('--format json x', 'json'), ('--format=csv', 'csv'), ('--for=x', 'x'),
    ('--former-monitors=json', ''), ('-f csv -f json', 'json'),
    ('--host -f', '')])
def test_the_wanted_format(line, expected):
    assert command_line.wanted_format(line.split()) == expected
