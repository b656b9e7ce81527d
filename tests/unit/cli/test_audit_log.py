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

"""The log tells who ran which command, and how it ended."""

import os
import pwd
import shlex
import socket
import subprocess
import sys
import types

from oslo_config import cfg
import pytest

from rbd_mon_fix.cli import audit_log

ROOT = pwd.getpwuid(0).pw_name
NOBODY = 2 ** 31 - 7  # no user has this number


def fields(line):
    """Return the pairs of a line, which a shell could split."""
    return dict(word.partition('=')[::2] for word in shlex.split(line))


def config():
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    conf.register_opt(cfg.Opt('command', type=lambda word: word))
    conf.set_override('command', types.SimpleNamespace(name='status'))
    return conf


@pytest.fixture
def begun(tmp_path, monkeypatch, caplog):
    """Return a function that begins a command, and returns the fields."""
    monkeypatch.setattr(audit_log, '_LOGIN', str(tmp_path / 'loginuid'))
    monkeypatch.delenv('SUDO_USER', raising=False)

    def begin(*words):
        with caplog.at_level('INFO'):
            audit_log.Command(words).begin(config(), '1.2')
        line, = caplog.messages
        return fields(line)

    return begin


def test_the_beginning(begun):
    assert begun('status', '--host', 'a b') == {
        'event': 'begin', 'command': 'status',
        'user': pwd.getpwuid(os.getuid()).pw_name, 'sudo_user': '-',
        'login': '-', 'host': socket.gethostname(), 'version': '1.2',
        'config': '-', 'arguments': "status --host 'a b'"}


@pytest.mark.parametrize('uid, name', [
    (0, 'alice'),
    # A user could set the variable to any name.
    (1, '-')])
def test_who_called_sudo(begun, monkeypatch, uid, name):
    monkeypatch.setattr(os, 'geteuid', lambda: uid)
    monkeypatch.setenv('SUDO_USER', 'alice')
    assert begun()['sudo_user'] == name


@pytest.mark.parametrize('content, name', [
    ('0', ROOT), ('4294967295', '-'), (str(NOBODY), str(NOBODY)), ('', '-')])
def test_who_logged_in(begun, tmp_path, content, name):
    (tmp_path / 'loginuid').write_text(content)
    assert begun()['login'] == name


def test_a_user_without_a_name(begun, monkeypatch):
    monkeypatch.setattr(os, 'getuid', lambda: NOBODY)
    assert begun()['user'] == str(NOBODY)


@pytest.mark.parametrize('word, shown', [
    ('qemu+ssh://root:SECRET@h/system', 'qemu+ssh://root:***@h/system'),
    ('--libvirt-uri=test://u:SE/CR@ET@{host}:1/',
     '--libvirt-uri=test://u:***@{host}:1/'),
    ('test://:SECRET@h', 'test://:***@h'),
    ('test://u:SECRET\nSECRET@h', 'test://u:***@h'),
    ('test://root@h:16509/system', 'test://root@h:16509/system'),
    ('qemu+ssh://[fd00::1]:16509/system',) * 2, ('a@b:c',) * 2,
    ('qemu:///system',) * 2])
def test_the_password_of_a_url_is_hidden(begun, word, shown):
    assert shlex.split(begun(word)['arguments']) == [shown]


@pytest.mark.parametrize('known, lines', [(True, 2), (False, 0)])
def test_the_end_follows_a_beginning_only(caplog, known, lines):
    command = audit_log.Command(['status'])
    with caplog.at_level('INFO'):
        if known:
            command.begin(config(), '1.2')
        command.end(5)
    assert len(caplog.messages) == lines
    if known:
        found = fields(caplog.messages[-1])
        assert float(found.pop('seconds')) >= 0
        assert found == {
            'event': 'end', 'command': 'status', 'exit_code': '5'}


def test_a_process(tmp_path):
    """What oslo.log writes to a file has the time and both lines."""
    own, log = tmp_path / 'own.conf', tmp_path / 'log'
    own.write_text('[DEFAULT]\nodd = 1\n')
    words = ['--config-file', str(own), '--log-file', str(log),
             '--journal-dir', str(tmp_path), 'journal', 'show', 'no\nrun']
    done = subprocess.run(
        [sys.executable, '-m', 'rbd_mon_fix', *words], timeout=60, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    warning, begin, end = log.read_text().splitlines()
    assert begin.startswith('20') and ' INFO ' in begin
    begin, end = (fields(line.partition('[-] ')[2]) for line in (begin, end))
    assert begin['config'] == str(own)
    assert shlex.split(begin['arguments'].replace('\\n', '\n')) == words
    assert end['exit_code'] == str(done.returncode) == '2'
    # The terminal shows the warning and the error, without the time.
    assert done.stderr.startswith('WARNING: Unknown option odd')
    assert 'Unknown option odd' in warning and 'event' not in done.stderr
