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

"""Log lines on a terminal and in a file, and names of users in them."""

import logging
import os
import subprocess
import sys
import types

import pytest

from rbd_mon_fix.cli import log_lines

OWN = '''
[loggers]
keys = root
[handlers]
keys = own
[formatters]
keys = own
[logger_root]
level = INFO
handlers = own
[handler_own]
class = StreamHandler
args = (sys.stderr,)
formatter = own
[formatter_own]
format = own %(message)s
'''


def test_a_message_is_escaped_once(capsys):
    logger = logging.getLogger('test_log_lines')
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(sys.stderr))
    log_lines.escape(logger)
    logger.warning('Server %s is gone: 100 %%.', 'a\n\x1b[2J\u202eb')
    logger.warning('100 %')
    assert capsys.readouterr().err == (
        'Server a\\n\\x1b[2J\\u202eb is gone: 100 %.\n100 %\n')


def command(tmp_path, *options, config=''):
    """Run a command that warns of an option; it has an empty report."""
    (tmp_path / 'a.conf').write_text(f'[DEFAULT]\nodd = 1\n{config}')
    return subprocess.run(
        [sys.executable, '-m', 'rbd_mon_fix', '--config-file',
         str(tmp_path / 'a.conf'), '--journal-dir', str(tmp_path / 'j'),
         *options, 'journal', 'list', '-f', 'value'],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60, text=True)


@pytest.mark.parametrize('options, config, lines, start', [
    ((), '', 1, 'WARNING: Unknown option odd'),
    (('--debug',), '', 3, '20'),
    ((), 'logging_default_format_string = %(levelname).1s %(message)s\n', 1,
     'W Unknown option odd'),
    (('--use-json',), '', 1, '{'),
    (('--log-config-append', 'own.ini'), '', 3, 'own ')])
def test_a_terminal_shows_warnings(tmp_path, monkeypatch, options, config,
                                   lines, start):
    """Or everything with --debug, or what a log config of one's own says."""
    monkeypatch.setenv('PYTHONPATH', os.getcwd())
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'own.ini').write_text(OWN)
    done = command(tmp_path, *options, config=config)
    assert (done.returncode, done.stdout) == (0, '')
    shown = done.stderr.splitlines()
    assert len(shown) == lines
    assert all(line.startswith(start) for line in shown)


class Colourful(logging.StreamHandler):
    """Ends each line with a code, as oslo.log 5.0's ColorHandler does."""

    def format(self, record):
        return super().format(record) + '\033[00m'


def test_a_short_line_has_no_colour(capsys):
    handler = Colourful(sys.stderr)
    logger = logging.getLogger('colourful')
    logger.addHandler(handler)
    logger.propagate = False
    log_lines.set_up(logger, types.SimpleNamespace(
        debug=False, log_config_append=None, use_json=False,
        get_location=lambda name: None))
    logger.warning('It is old.')
    assert capsys.readouterr().err == 'WARNING: It is old.\n'


def test_a_log_that_cannot_be_written(tmp_path):
    done = command(tmp_path, '--log-file', '/dev/full')
    assert (done.returncode, done.stderr.splitlines()) == (0, [
        'rbd-mon-fix: Cannot write the log: No space left on device.',
        'WARNING: Unknown option odd in [DEFAULT] of '
        f'{tmp_path / "a.conf"}'])


@pytest.mark.parametrize('options', [(), ('--debug',)])
def test_a_process(tmp_path, options):
    """The log quotes an option, and the message of the error a file."""
    (tmp_path / 'a.conf').write_text('[DEFAULT]\nod\x1b[2Jd = 1\n')
    done = subprocess.run(
        [sys.executable, '-m', 'rbd_mon_fix', '--config-file',
         str(tmp_path / 'a.conf'), *options, '--monitors-file', '/\x9b31m',
         'monitors'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60, text=True)
    assert done.returncode == 2
    assert '\\x1b[2J' in done.stderr
    assert '\\x9b31m' in done.stderr
    assert done.stderr.replace('\n', '').isprintable()
