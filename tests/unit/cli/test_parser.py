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

"""The command line."""

import argparse
import re

from oslo_config import cfg
import pytest

from rbd_mon_fix.cli import argument_types
from rbd_mon_fix.cli import command_line
from rbd_mon_fix.cli import command_parser
from rbd_mon_fix.cli import parser
from rbd_mon_fix.conf import options
from rbd_mon_fix.report import factory
from rbd_mon_fix.stores import registry
from tests.unit import memory

UUID = memory.uuid(1)


def parse(line):
    conf = command_line.CommandLine()
    options.register(conf)
    conf.register_cli_opt(cfg.SubCommandOpt(
        'command', handler=lambda commands:
        parser.add_parsers(commands, None)))
    conf(line.split(), project='rbd-mon-fix', prog='rbd-mon-fix',
         default_config_files=[], default_config_dirs=[])
    return conf


SCOPE = {'host': [], 'all_hosts': False, 'instance': [], 'store': [],
         'unmanaged': False, 'format': 'table', 'column': []}
REFRESH = {**SCOPE, 'dry_run': False, 'max_changes': None, 'lock': False,
           'verify': False, 'hosts_at_once': 8, 'plan': None,
           'save_plan': None}


@pytest.mark.parametrize('line, expected', [
    ('monitors', {'format': 'table'}),
    ('monitors -f json', {'format': 'json'}),
    ('status', SCOPE),
    ('status --host a', {**SCOPE, 'host': ['a']}),
    ('status --host a --host b', {**SCOPE, 'host': ['a', 'b']}),
    ('status --all-hosts -f csv', {**SCOPE, 'all_hosts': True,
                                   'format': 'csv'}),
    ('status --host a,b --host c', {**SCOPE, 'host': ['a', 'b', 'c']}),
    ('status -f value -c host,store -c key',
     {**SCOPE, 'format': 'value', 'column': ['host', 'store', 'key']}),
    ('status --store live-domain', {**SCOPE, 'store': ['live-domain']}),
    ('status --store ceph-conf', {**SCOPE, 'store': ['ceph-conf']}),
    ('status --instance web-1', {**SCOPE, 'instance': ['web-1']}),
    ('status --instance a,@b', {**SCOPE, 'instance': ['a,@b']}),
    ('status --store domain --store nova-bdm',
     {**SCOPE, 'store': ['domain', 'nova-bdm']}),
    (f'status --instance {UUID}', {**SCOPE, 'instance': [UUID]}),
    # In Nova's spelling, whichever one the operator uses.
    (f'status --instance {UUID.upper()}', {**SCOPE, 'instance': [UUID]}),
    (f'status --instance {UUID.replace("-", "")}',
     {**SCOPE, 'instance': [UUID]}),
    ('status --unmanaged', {**SCOPE, 'unmanaged': True}),
    ('refresh', REFRESH),
    ('refresh --dry-run --lock --max-changes 0',
     {**REFRESH, 'dry_run': True, 'lock': True, 'max_changes': 0}),
    ('refresh --verify', {**REFRESH, 'verify': True}),
    ('refresh --dry-run --save-plan p',
     {**REFRESH, 'dry_run': True, 'save_plan': 'p'}),
    ('refresh --plan p', {**REFRESH, 'plan': 'p'}),
    ('verify', {**SCOPE, 'timeout': 5.0, 'parallel': 4}),
    ('verify --host a --timeout 0.5 --parallel 2 -f json',
     {**SCOPE, 'host': ['a'], 'timeout': 0.5, 'parallel': 2,
      'format': 'json'}),
    ('guests', {**SCOPE, 'store': ['domain'], 'from_ceph': False,
                'fsid': None, 'rescue': None, 'in_place': False}),
    (f'guests --rescue {UUID.upper()} --in-place',
     {'rescue': UUID, 'in_place': True}),
    (f'guests --from-ceph --fsid {UUID.upper()}',
     {'from_ceph': True, 'fsid': UUID}),
    ('gate', {'mon': [], 'fsid': None, 'format': 'table'}),
    (f'gate a -f json b --fsid {UUID}',
     {'mon': ['a', 'b'], 'fsid': UUID, 'format': 'json'}),
    (f'guests --host a --instance {UUID} -f yaml',
     {**SCOPE, 'host': ['a'], 'instance': [UUID], 'store': ['domain'],
      'format': 'yaml'}),
    ('preflight', {'host': [], 'format': 'table'}),
    ('preflight --host a --host b -f json',
     {'host': ['a', 'b'], 'format': 'json'}),
    *((f'hook {action}', {'action': action, 'format': 'table'})
      for action in ('install', 'remove', 'status')),
    ('lifeline plan', {**SCOPE, 'action': 'plan', 'store': ['domain'],
                       'from_ceph': False, 'fsid': None}),
    (f'lifeline plan --host a --fsid {UUID} -f json',
     {'host': ['a'], 'fsid': UUID, 'format': 'json'}),
    ('lifeline plan --from-ceph', {'host': [], 'from_ceph': True}),
    *((f'shield {action}', {'action': action, 'format': 'table'})
      for action in ('install', 'refresh', 'remove', 'status')),
    ('refresh --max-changes 0012', {**REFRESH, 'max_changes': 12}),
    ('rollback 20240229-123457-abcd',
     {'run': '20240229-123457-abcd', 'dry_run': False, 'format': 'table'}),
    ('rollback R --dry-run -f yaml',
     {'run': 'R', 'dry_run': True, 'format': 'yaml'}),
    ('journal list', {'action': 'list', 'last': 0, 'format': 'table'}),
    ('journal list --last 3', {'action': 'list', 'last': 3}),
    ('journal prune --keep 50', {'action': 'prune', 'keep': 50}),
    ('journal show R -f json',
     {'action': 'show', 'run': 'R', 'format': 'json'}),
])
def test_commands(line, expected):
    command = parse(line).command
    assert command.name == line.split()[0]
    assert {name: getattr(command, name) for name in expected} == expected


def test_what_is_repeated_does_not_stay_for_the_next_parse():
    parse(f'status --host a --store domain --instance {UUID}')
    command = parse('status').command
    assert (command.host, command.store, command.instance) == ([], [], [])


def test_blanks_in_a_list():
    assert argument_types.hosts(' a, b ') == ('a', 'b')


def test_a_file_of_hosts(tmp_path):
    path = tmp_path / 'hosts'
    path.write_bytes(b'# all of rack 1\ncmp1\n\n  cmp2  # new\r\ncmp,3')
    assert parse(f'status --host @{path} --host cmp4').command.host == [
        'cmp1', 'cmp2', 'cmp,3', 'cmp4']


@pytest.mark.parametrize('line, words', [
    ('', 'COMMAND'),
    ('nonsense', 'invalid choice: .nonsense'),
    ('status --hots a', '--hots'),
    ('status extra', 'extra'),
    ('status --host', '--host'),
    ('status -f xml', 'xml'),
    ('status --store glance', 'glance'),
    ('status --dry-run', '--dry-run'),
    ('status --instance=', 'the name of the server is empty'),
    ('refresh --host=', 'has an empty name'),
    ('refresh --host a,,b', "'a,,b' has an empty name"),
    ('refresh --host @/none/such', 'cannot read /none/such: No such file'),
    ('refresh --host @/', 'cannot read /: Is a directory'),
    ('refresh --host @/dev/null', '/dev/null names no host'),
    ('refresh --host @/dev/zero', '/dev/zero is larger than 1 MiB'),
    ('refresh --host @/bin/true', '/bin/true is not a text file'),
    ('refresh --store live-domain',
     'live-domain, the XML of running guests, cannot be changed'),
    ('refresh --store ceph-conf',
     'ceph-conf, a file of the operator, is never changed'),
    ('status -c a,', "'a,' has an empty name"),
    ('refresh --plan=', 'the name of the file is empty'),
    ('refresh --save-plan', '--save-plan'),
    ('status --plan p', '--plan'),
    ('refresh --max-changes many', "'many' is not a whole number"),
    ('refresh --max-changes -1', '--max-changes'),
    ('refresh --max-changes 1.5', "'1.5' is not a whole number"),
    ('refresh --max-changes \u00b2', '--max-changes'),
    ('verify --timeout 0', "'0' is not a number of seconds"),
    ('verify --timeout nan', "'nan' is not a number of seconds"),
    ('verify --timeout 3601', "'3601' is not a number of seconds"),
    ('verify --timeout soon', "'soon' is not a number of seconds"),
    ('verify --parallel 0', 'must be at least 1'),
    ('verify --parallel many', "'many' is not a whole number"),
    ('verify --dry-run', '--dry-run'),
    ('guests --all-hosts', '--all-hosts'),
    ('gate --fsid ceph', "'ceph' is not an fsid"),
    ('gate --host a', '--host'),
    ('preflight --instance x', '--instance'),
    ('hook', 'ACTION'),
    ('hook teach', 'teach'),
    ('lifeline', 'ACTION'),
    ('lifeline plan --instance x', '--instance'),
    ('shield', 'ACTION'),
    ('shield up', 'up'),
    ('rollback', 'RUN'),
    ('rollback a b', 'b'),
    ('journal', 'ACTION'),
    ('journal show', 'RUN'),
    ('journal list --last 0', 'must be at least 1'),
    ('journal prune', '--keep'),
    ('journal prune --keep 0', 'must be at least 1'),
    ('journal drop', 'drop'),
])
def test_usage_errors(line, words, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(line)
    assert caught.value.code == 2
    assert re.search(words, capsys.readouterr().err)


@pytest.mark.parametrize('line', [
    'monitors', 'status', 'refresh', 'rollback', 'journal', 'journal list',
    'journal show', 'journal prune', 'verify', 'guests', 'gate', 'lifeline',
    'lifeline plan', 'preflight',
    'hook', 'hook install', 'hook remove', 'hook status', 'shield',
    'shield install', 'shield refresh', 'shield remove', 'shield status'])
def test_every_command_has_help_that_says_what_it_does(line, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(f'{line} --help')
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f'usage: rbd-mon-fix {line} ')
    assert re.search(r'\n\n[A-Z](.|\n(?!\n))*\.\n', shown)


def test_the_list_of_commands_has_a_sentence_for_each():
    top = argparse.ArgumentParser()
    commands = top.add_subparsers()
    parser.add_parsers(commands, top)
    sentences = [action.help for action in commands._choices_actions]
    assert len(sentences) == 13
    for sentence in sentences:
        assert re.fullmatch(r'[A-Z][^.]*\.', sentence)


def test_formats_are_those_of_the_reports():
    assert command_parser.FORMATS == factory.FORMATS


def test_stores_are_those_of_the_registry():
    assert parser.STORES == tuple(registry.SPECS)
    assert parser.WRITABLE == tuple(
        name for name, spec in registry.SPECS.items() if spec.writable)
