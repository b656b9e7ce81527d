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

"""Behavior common to all commands: config, errors, exit codes."""

import json
import os
import shlex
import signal
import subprocess
import sys
import types

from oslo_config import cfg
from oslo_log import log as logging
import pytest
import yaml

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import error_lines
from rbd_mon_fix.cli import main
from tests import schemas

BOUND = 60


class Command:
    """A command whose behavior the test defines."""

    def __init__(self):
        self.act = lambda conf, out: 0
        self.conf = None

    def run(self, conf, out, err):
        self.conf = conf
        return self.act(conf, out)


@pytest.fixture
def handlers():
    return {}


@pytest.fixture
def command(monkeypatch, tmp_path, handlers):
    """Replace the command ``monitors``; do not change the process."""
    fake = Command()
    monkeypatch.setitem(sys.modules, 'rbd_mon_fix.cli.monitors',
                        types.SimpleNamespace(run=fake.run))
    monkeypatch.setattr(main, 'CONFIG_FILE', str(tmp_path / 'default.conf'))
    monkeypatch.setattr(logging, 'setup', lambda *args: None)
    monkeypatch.setattr(signal, 'signal', handlers.__setitem__)
    return fake


def raises(error):
    def act(conf, out):
        raise error
    return act


def told(capsys):
    """Return the text on stderr; stdout must be empty."""
    captured = capsys.readouterr()
    assert captured.out == ''
    assert 'SECRET' not in captured.err
    return captured.err


@pytest.mark.parametrize('code', [0, 1, 4])
def test_the_command_s_own_code(command, capsys, code):
    def act(conf, out):
        out.write('report\n')
        return code

    command.act = act
    assert main.main(['monitors', '-f', 'json']) == code
    assert command.conf.command.format == 'json'
    assert capsys.readouterr() == ('report\n', '')


@pytest.mark.parametrize('error, code', [
    (exceptions.ConfigError('It is so.', 'Do this.'), 2),
    (exceptions.Refused('It is so.', 'Do this.'), 3),
    (exceptions.Conflict('It is so.', 'Do this.'), 4),
    (exceptions.RbdMonFixError('It is so.', 'Do this.'), 4),
    (exceptions.Unreachable('It is so.', 'Do this.'), 5),
])
def test_errors_of_ours(command, capsys, error, code):
    command.act = raises(error)
    assert main.main(['monitors']) == code
    assert told(capsys) == 'rbd-mon-fix: It is so. Do this.\n'


@pytest.mark.parametrize('fmt, load', [
    ('json', json.loads), ('yaml', yaml.safe_load)])
@pytest.mark.parametrize('error, code, kind', [
    (exceptions.ConfigError('It is so.', 'Do this.'), 2, 'usage'),
    (exceptions.Refused('It is so.', 'Do this.'), 3, 'refused'),
    (exceptions.RbdMonFixError('It is so.', 'Do this.'), 4, 'incomplete'),
    (exceptions.Unreachable('It is so.', 'Do this.'), 5, 'unreachable')])
def test_an_error_is_an_object_for_programs(command, capsys, fmt, load, error,
                                            code, kind):
    command.act = raises(error)
    assert main.main(['monitors', '-f', fmt]) == code
    out, err = capsys.readouterr()
    assert load(out) == {'version': 2, 'error': {
        'code': code, 'kind': kind, 'message': 'It is so.',
        'hint': 'Do this.'}}
    assert err == 'rbd-mon-fix: It is so. Do this.\n'


@pytest.mark.parametrize('error, code, message', [
    (KeyboardInterrupt(), 130, 'Interrupted.'),
    (exceptions.Interrupted('R', 2, 9), 130,
     'Interrupted. Run R: 2 of 9 changes written.'),
    (OSError(28, 'TOPSECRET'), 4,
     'The operating system reports: No space left on device.'),
    (ImportError('TOPSECRET', name='libvirt'), 2,
     'Cannot load the Python module libvirt: it is missing or cannot be '
     'opened.'),
    (RuntimeError('TOPSECRET'), 255, 'Crashed: RuntimeError.')])
def test_any_ending_is_an_object_for_programs(command, capsys, error, code,
                                              message):
    command.act = raises(error)
    assert main.main(['monitors', '--format=json']) == code
    found = json.loads(capsys.readouterr().out)
    schemas.check('error', found)
    assert (found['error']['code'], found['error']['message']) == (
        code, message)
    assert 'SECRET' not in json.dumps(found)


@pytest.mark.parametrize('argv, words', [
    (['monitors', '-f', 'json', '--nonsense'],
     'unrecognized arguments: --nonsense'),
    (['-f', 'json', 'nonsense'], "'nonsense'"), (['-fjson'], 'COMMAND'),
    (['status', '--format=json', '--host'], '--host'),
    (['monitors', '-f', 'json', '--config-file', '/none/x.conf'],
     '/none/x.conf')])
def test_a_command_line_that_cannot_be_used(command, capsys, argv, words):
    try:
        code = main.main(argv)
    except SystemExit as error:
        code = error.code
    out, err = capsys.readouterr()
    assert code == 2
    schemas.check('error', json.loads(out))
    found = json.loads(out)['error']
    assert (found['code'], found['kind']) == (2, 'usage')
    assert words in found['message']
    assert words in err


def test_a_report_that_was_begun_is_not_followed_by_an_error(command, capsys):
    def act(conf, out):
        out.write('{}')
        raise exceptions.Refused('It is so.')

    command.act = act
    assert main.main(['monitors', '-f', 'json']) == 3
    assert capsys.readouterr() == ('{}', 'rbd-mon-fix: It is so.\n')


def test_an_error_without_a_hint(command, capsys):
    command.act = raises(exceptions.Refused('It is so.'))
    assert main.main(['monitors']) == 3
    assert told(capsys) == 'rbd-mon-fix: It is so.\n'


@pytest.mark.parametrize('error', [
    RuntimeError('TOPSECRET'), AssertionError('TOPSECRET'), MemoryError(),
    RecursionError()])
def test_a_crash_is_named_and_not_quoted(command, capsys, error):
    command.act = raises(error)
    assert main.main(['monitors']) == 255
    shown = told(capsys)
    assert shown.startswith(f'rbd-mon-fix: Crashed: {type(error).__name__}.')
    assert '--debug' in shown
    assert shown.count('\n') == 1


@pytest.mark.parametrize('error, words', [
    (OSError(28, 'TOPSECRET'), 'No space left on device.'),
    (OSError(24, 'TOPSECRET', '/proc/1'), 'Too many open files (/proc/1).'),
    (OSError('TOPSECRET'), 'OSError.')])
def test_an_error_of_the_system(command, capsys, error, words):
    command.act = raises(error)
    assert main.main(['monitors']) == 4
    assert told(capsys) == (
        f'rbd-mon-fix: The operating system reports: {words} Correct it, and '
        'run the same command again.\n')


def test_a_module_that_cannot_be_loaded(command, capsys):
    command.act = raises(ImportError('TOPSECRET', name='libvirt'))
    assert main.main(['monitors']) == 2
    assert 'Cannot load the Python module libvirt: ' in told(capsys)


def shell(redirection, *words, buffered):
    """Run the command in a shell of its own, with its streams redirected."""
    environ = {**os.environ, 'PYTHONUNBUFFERED': '' if buffered else '1'}
    return subprocess.run(
        ['sh', '-c', f'exec "$@" {redirection}', 'sh', sys.executable, '-m',
         'rbd_mon_fix', *words], stdout=subprocess.PIPE, env=environ,
        stderr=subprocess.PIPE, text=True, timeout=BOUND)


LISTING = ('journal', 'list')
FULL = ('rbd-mon-fix: Cannot write the report: No space left on device. Run '
        'the same command again with another standard output.\n')
CLOSED = FULL.replace('No space left on device', 'Bad file descriptor')
MISSING = ('--config-file', '/none', *LISTING)


@pytest.mark.parametrize('redirection, words, code, err', [
    ('>/dev/full', LISTING, 4, FULL),
    ('>/dev/full', (*LISTING, '-f', 'json'), 4, FULL),
    ('>/dev/full', ('--version',), 4, FULL),
    ('>&-', LISTING, 4, CLOSED), ('>&- 2>&- <&-', LISTING, 4, ''),
    ('2>&-', LISTING, 0, ''), ('2>/dev/full', LISTING, 0, ''),
    ('2>&-', MISSING, 2, ''), ('2>/dev/full', MISSING, 2, ''),
    ('>/dev/full 2>&-', ('nonsense', '-f', 'json'), 2, ''),
    ('2>/dev/full', ('nonsense',), 2, ''), ('2>&-', ('nonsense',), 2, ''),
    ('<&-', LISTING, 0, '')])
@pytest.mark.parametrize('buffered', [True, False])
def test_streams_that_fail(tmp_path, redirection, words, code, err, buffered):
    done = shell(redirection, '--journal-dir', str(tmp_path), *words,
                 buffered=buffered)
    assert (done.returncode, done.stderr) == (code, err)


@pytest.mark.parametrize('fmt', ['table', 'json'])
@pytest.mark.parametrize('limit', [3, 4, 5, 6, 8])
def test_no_file_can_be_opened(tmp_path, limit, fmt):
    """Python itself takes some; the command never ends as a crash."""
    done = subprocess.run(
        [sys.executable, '-c', 'import resource, sys\n'
         'from rbd_mon_fix.cli import main\n'
         f'resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))\n'
         'sys.exit(main.main(sys.argv[1:]))', '--journal-dir', str(tmp_path),
         '--debug', *LISTING, '-f', fmt], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=BOUND)
    assert done.returncode in (0, 2, 4)
    assert (done.returncode == 0) == done.stdout.startswith(
        'The journal has no runs.') or fmt == 'json'
    assert 'Crashed' not in done.stderr


def test_an_interrupt(command, capsys):
    command.act = raises(KeyboardInterrupt())
    assert main.main(['--debug', 'monitors']) == 130
    shown = told(capsys)
    assert 'same command again' in shown
    assert shown.count('\n') == 1


@pytest.mark.parametrize('words, shared', [
    ([], ''), (['--config-file', '{}/a b.conf'],
               "'--config-file={}/a b.conf' "),
    (['--journal-dir={}', '-d'], '--journal-dir={} --debug ')])
@pytest.mark.parametrize('written', [0, 7])
def test_an_interrupted_run(command, capsys, tmp_path, words, shared,
                            written):
    """Both commands can be pasted into a shell."""
    (tmp_path / 'a b.conf').write_text('')
    command.act = raises(exceptions.Interrupted('R', written, 9))
    argv = ['monitors', *(word.format(tmp_path) for word in words)]
    assert main.main(argv) == 130
    assert told(capsys).splitlines() == [
        f'Interrupted. Run R: {written} of 9 changes written.',
        f'  go on      rbd-mon-fix {shlex.join(argv)}',
        *[f'  take back  rbd-mon-fix {shared.format(tmp_path)}rollback R'
          for _ in range(bool(written))]]


@pytest.mark.parametrize('words', [['--plan', 'p'], ['--plan=p']])
@pytest.mark.parametrize('written, go_on', [
    (0, 'rbd-mon-fix refresh {}'),
    (7, 'make a new plan with --dry-run --save-plan FILE')])
def test_an_interrupted_run_of_a_saved_plan(capsys, words, written, go_on):
    """The plan no longer holds if some of its changes were made."""
    error_lines.tell_interrupted(
        exceptions.Interrupted('R', written, 9), ['refresh', *words], [])
    assert told(capsys).splitlines()[1] == (
        f'  go on      {go_on.format(" ".join(words))}')


@pytest.mark.parametrize('error, code', [
    (exceptions.Refused('It is so.'), 3), (RuntimeError('so it is'), 255)])
def test_a_traceback_on_demand(command, capsys, error, code):
    command.act = raises(error)
    assert main.main(['--debug', 'monitors']) == code
    shown = told(capsys)
    assert 'Traceback' in shown
    assert 'in act' in shown


def test_a_polite_end_is_an_interrupt(command, handlers):
    def act(conf, out):
        handlers[signal.SIGTERM](signal.SIGTERM, None)
        return 0

    command.act = act
    assert main.main(['monitors']) == 130


def test_a_reader_that_went_away(tmp_path):
    """Uses a separate process, because its stdout is unusable afterwards."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, '-m', 'rbd_mon_fix', '--journal-dir', str(tmp_path),
         'journal', 'list'], stdout=writing, stderr=subprocess.PIPE,
        timeout=BOUND)
    os.close(writing)
    assert process.stderr == b''
    assert process.returncode == 130


@pytest.mark.parametrize('argv', [
    [], ['nonsense'], ['monitors', '--nonsense'], ['--nonsense', 'monitors'],
    ['monitors', 'extra'], ['monitors', '-f', 'xml'], ['--journal-dir'],
])
def test_usage_errors(command, capsys, argv):
    with pytest.raises(SystemExit) as caught:
        main.main(argv)
    assert caught.value.code == 2
    assert ': error: ' in told(capsys)
    assert command.conf is None


@pytest.mark.parametrize('argv, words', [
    (['--help'], 'usual order'), (['--help-all'], '--monitors-file'),
    (['--version'], ''), (['monitors', '--help'], 'right monitors')])
def test_help(command, capsys, argv, words):
    with pytest.raises(SystemExit) as caught:
        main.main(argv)
    assert caught.value.code == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize('content, words', [
    (b'[DEFAULT]\npassword TOPSECRET\n', 'default.conf:2'),
    (b'[DEFAULT\nx = TOPSECRET\n', 'default.conf'),
    (b'journal_dir = x\nTOPSECRET, or, so\n', 'default.conf'),
    (b'[DEFAULT]\njournal_dir = \xff\n', 'utf-8'),
])
def test_config_files_that_cannot_be_used(command, capsys, tmp_path, content,
                                          words):
    (tmp_path / 'default.conf').write_bytes(content)
    assert main.main(['monitors']) == 2
    shown = told(capsys)
    assert shown.startswith('rbd-mon-fix: The configuration cannot be used:')
    assert words in shown
    assert shown.count('\n') == 1
    assert command.conf is None


@pytest.mark.parametrize('content, name, hint', [
    ('[DEFAULT]\noffline = TOPSECRET', 'offline', 'true or false'),
    ('[DEFAULT]\njournal_dir = $TOPSECRET', 'journal_dir', '$$'),
    ('[ceph]\nconf = ${TOPSECRET}x', 'conf', '$$')])
def test_a_bad_value_in_a_config_file(command, capsys, tmp_path, content,
                                      name, hint):
    (tmp_path / 'default.conf').write_text(f'{content}\n')
    assert main.main(['monitors']) == 2
    shown = told(capsys)
    assert shown.startswith(f'rbd-mon-fix: Invalid value of option {name} in ')
    assert f'{tmp_path}/default.conf. ' in shown
    assert hint in shown
    assert command.conf is None


def test_log_levels_that_are_none(command, capsys, tmp_path, monkeypatch):
    """oslo.log looks at them when it is set up."""
    monkeypatch.setattr(logging, 'setup', raises(ValueError('no level')))
    assert main.main(['monitors']) == 2
    assert 'The configuration cannot be used: no level.' in told(capsys)


@pytest.mark.parametrize('argv, words', [
    (['--config-file', '/none/x.conf'], '/none/x.conf'),
    (['--config-dir', '/none/x.d'], '/none/x.d'),
])
def test_config_files_that_are_missing(command, capsys, argv, words):
    assert main.main([*argv, 'monitors']) == 2
    assert words in told(capsys)


@pytest.mark.parametrize('error', [
    logging.LogConfigError('/none/log.conf', 'missing'),
    RuntimeError('/none/log: Systemd bindings do not exist'),
    FileNotFoundError(2, 'No such file or directory', '/none/log'),
    PermissionError(13, 'Permission denied', '/none/log'),
])
def test_a_log_that_cannot_be_written(command, capsys, monkeypatch, error):
    monkeypatch.setattr(logging, 'setup', lambda *args: raises(error)(*args))
    assert main.main(['monitors']) == 2
    assert '/none/log' in told(capsys)


def test_a_value_that_is_only_looked_at_later(command, capsys):
    """oslo.config checks an option when it is first used."""
    command.act = raises(cfg.TemplateSubstitutionError('TOPSECRET'))
    assert main.main(['monitors']) == 2
    assert 'cannot be used: TemplateSubstitutionError' in told(capsys)


def test_the_default_config_file_and_folder(command, tmp_path):
    (tmp_path / 'default.conf').write_text(
        '[DEFAULT]\njournal_dir = a\nlibvirt_uri = b\n')
    (tmp_path / 'default.conf.d').mkdir()
    (tmp_path / 'default.conf.d' / '1.conf').write_text(
        '[DEFAULT]\njournal_dir = c\n')
    assert main.main(['monitors']) == 0
    assert (command.conf.journal_dir, command.conf.libvirt_uri) == ('c', 'b')


def test_a_config_file_of_one_s_own(command, tmp_path):
    (tmp_path / 'default.conf').write_text('[DEFAULT]\njournal_dir = a\n')
    (tmp_path / 'own.conf').write_text('[DEFAULT]\nlibvirt_uri = b\n')
    assert main.main(
        ['--config-file', str(tmp_path / 'own.conf'), 'monitors']) == 0
    assert command.conf.libvirt_uri == 'b'
    assert command.conf.journal_dir == '/var/lib/rbd-mon-fix'


def test_stdout_carries_the_report_alone_and_stderr_no_traceback(command):
    main.main(['monitors'])
    assert command.conf.use_stderr
    assert 'sqlalchemy.pool=CRITICAL' in command.conf.default_log_levels


# A command that waits for a signal, and again while it ends.
WAITING = '''
import sys, time, types
from rbd_mon_fix.cli import main
from tests import schemas

def wait(word):
    print(word, flush=True)
    # A signal right before signal.pause() would not end the pause.
    while True:
        time.sleep(0.01)

def run(conf, out, err):
    try:
        wait('at work')
    except KeyboardInterrupt:
        if sys.argv[1] == '1':
            raise
        try:
            wait('ending')
        except KeyboardInterrupt:
            if sys.argv[1] == '2':
                raise
            wait('still there')

sys.modules['rbd_mon_fix.cli.monitors'] = types.SimpleNamespace(run=run)
sys.exit(main.main(['--journal-dir', sys.argv[2], '--debug', 'monitors']))
'''
WORDS = ('at work', 'ending', 'still there')


def heed_signals():
    """Undo what nohup or a shell in the background has set."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def signalled(folder, numbers):
    """Send signals to a command, each as soon as it waits for one."""
    with subprocess.Popen(
            [sys.executable, '-c', WAITING, str(len(numbers)), str(folder)],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=heed_signals) as process:
        try:
            for number, words in zip(numbers, WORDS):
                assert process.stdout.readline() == f'{words}\n'
                process.send_signal(number)
            _, err = process.communicate(timeout=BOUND)
        finally:
            process.kill()
    return process.returncode, err


@pytest.mark.parametrize('numbers', [
    (signal.SIGHUP,), (signal.SIGTERM,), (signal.SIGINT,),
    (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT),
    (signal.SIGHUP, signal.SIGTERM)])
def test_signals_interrupt(tmp_path, numbers):
    code, err = signalled(tmp_path, numbers)
    assert code == 130
    assert 'Traceback' not in err
    begin, told, end = err.splitlines()
    assert 'event=begin command=monitors ' in begin
    assert told.startswith('rbd-mon-fix: Interrupted.')
    assert 'event=end command=monitors exit_code=130 ' in end


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_third_signal_kills(tmp_path, number):
    code, err = signalled(tmp_path, (signal.SIGINT, signal.SIGHUP, number))
    assert code == -number
    assert 'Interrupted' not in err and 'event=end' not in err


def test_nohup(tmp_path):
    """SIGHUP stays ignored; the command ends with another signal."""
    with subprocess.Popen(
            ['nohup', sys.executable, '-c', WAITING, '1', str(tmp_path)],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == 'at work\n'
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=BOUND)
    assert process.returncode == 130
    assert 'Interrupted.' in err


def test_a_signal_while_the_first_one_is_told(command, monkeypatch, capsys,
                                              caplog):
    command.act = raises(KeyboardInterrupt())
    monkeypatch.setattr(error_lines, 'tell', lambda error, argv: raises(
        KeyboardInterrupt())(None, None))
    with caplog.at_level('INFO'):
        assert main.main(['monitors']) == 130
    assert told(capsys) == ''
    assert 'event=end command=monitors exit_code=130' in caplog.text


@pytest.mark.parametrize('act, code', [
    (lambda conf, out: 0, 0), (lambda conf, out: 1, 1),
    (raises(exceptions.Refused('It is so.')), 3),
    (raises(RuntimeError('TOPSECRET')), 255)])
def test_the_log_tells_the_exit_code(command, caplog, act, code):
    command.act = act
    with caplog.at_level('INFO'):
        assert main.main(['monitors', '-f', 'json']) == code
    begin, end = caplog.messages
    assert begin.startswith('event=begin command=monitors ')
    assert begin.endswith(" arguments='monitors -f json'")
    assert end.startswith(f'event=end command=monitors exit_code={code} ')
    assert 'SECRET' not in caplog.text
