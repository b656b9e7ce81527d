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

"""Entry point of ``rbd-mon-fix``: parse arguments and run one command."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import types
from typing import Callable, Optional, Sequence, Union

from oslo_config import cfg
from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import audit_log
from rbd_mon_fix.cli import command_line
from rbd_mon_fix.cli import error_lines
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import failures
from rbd_mon_fix.cli import heaps
from rbd_mon_fix.cli import help_pages
from rbd_mon_fix.cli import log_lines
from rbd_mon_fix.cli import parser
from rbd_mon_fix.cli import stopping
from rbd_mon_fix.cli import streams
from rbd_mon_fix.cli import version
from rbd_mon_fix.conf import options
from rbd_mon_fix.conf import unknown

CONFIG_FILE = '/etc/rbd-mon-fix/rbd-mon-fix.conf'

_Handler = Callable[[int, Optional[types.FrameType]], None]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return the exit code."""
    streams.complete()
    for number in stopping.SIGNALS:
        # nohup ignores SIGHUP, and a shell SIGINT of what is in background.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    words = sys.argv[1:] if argv is None else argv
    with contextlib.redirect_stdout(streams.Watched(sys.stdout)):
        try:
            return _logged(audit_log.Command(words))
        except KeyboardInterrupt:
            # A signal while an earlier one was being told or logged.
            return exit_codes.ExitCode.INTERRUPTED
        finally:
            streams.settle()


def _logged(command: audit_log.Command) -> int:
    """Run the command, log its exit code, and return it."""
    try:
        code = _ending(command, command_line.wants_debug(command.words))
    except KeyboardInterrupt:
        # The second signal, while the first one was being told.
        code = exit_codes.ExitCode.INTERRUPTED
    command.end(code)
    return code


def _ending(command: audit_log.Command, debug: bool) -> int:
    """Run the command; tell its error, and return the exit code."""
    conf = command_line.CommandLine()
    try:
        return _run(conf, command)
    except exceptions.Interrupted as error:
        return error_lines.tell_interrupted(
            error, command.words, conf.shared_options())
    except KeyboardInterrupt:
        return error_lines.tell(exceptions.Interrupted(), command.words)
    except BrokenPipeError:
        # The reader closed the pipe: exit quietly.
        return exit_codes.ExitCode.INTERRUPTED
    except OSError as error:
        error_lines.trace(debug)
        return error_lines.tell(_unwritten() or failures.ours(error),
                                command.words)
    except Exception as error:  # noqa: BLE001  # the only catch-all
        error_lines.trace(debug)
        return error_lines.tell(failures.ours(error), command.words)


def _run(conf: cfg.ConfigOpts, command: audit_log.Command) -> int:
    _parse(conf, command.words)
    command.begin(conf, version.installed())
    heaps.share()
    heaps.abandon()
    module = importlib.import_module(f'rbd_mon_fix.cli.{conf.command.name}')
    code: int = module.run(conf, sys.stdout, sys.stderr)
    sys.stdout.flush()
    return code


def _unwritten() -> Optional[exceptions.RbdMonFixError]:
    """Return an error if stdout is what cannot be written."""
    failure = streams.failure(sys.stdout)
    if failure is None:
        return None
    return exceptions.RbdMonFixError(
        f'Cannot write the report: {failure.strerror}.',
        'Run the same command again with another standard output.')


def _parse(conf: cfg.ConfigOpts, argv: Sequence[str]) -> None:
    options.register(conf)
    conf.register_cli_opt(cfg.SubCommandOpt(
        'command', title='commands', handler=lambda commands:
        parser.add_parsers(commands, getattr(conf, '_oparser', None))))
    logging.register_options(conf)
    # netutils reports each host without a default route; the pool logs
    # tracebacks of errors that the operator sees as one sentence, with the
    # messages of databases, which may quote a row.
    conf.set_default('default_log_levels', [
        *logging.get_default_log_levels(), 'oslo_utils.netutils=WARN',
        'sqlalchemy.pool=CRITICAL'])
    # stdout is for the report only.
    conf.set_default('use_stderr', True)
    try:
        with streams.copied_stderr() as told:
            conf(argv, project='rbd-mon-fix', prog='rbd-mon-fix',
                 version=version.installed(), usage=help_pages.USAGE,
                 description=help_pages.DESCRIPTION, epilog=help_pages.EPILOG,
                 default_config_files=_existing(CONFIG_FILE),
                 default_config_dirs=_existing(CONFIG_FILE + '.d'))
        logging.setup(conf, 'rbd_mon_fix')
        log_lines.set_up(logging.getLogger(None).logger, conf)
        unknown.warn(conf)
    except SystemExit as error:
        # argparse ignores a full disk.
        sys.stdout.flush()
        # oslo.config exits with a code of its own if a file has a bad value
        # for a flag.
        raise SystemExit(
            error_lines.answer(failures.misused(told.getvalue()), argv)
            if error.code != 0 else exit_codes.ExitCode.OK) from None
    except cfg.ConfigFileParseError as error:
        # The message quotes the line, which may hold a password.
        raise failures.unusable(str(error).partition(',')[0]) from None
    except (cfg.Error, logging.LogConfigError, OSError, RuntimeError,
            ValueError) as error:
        # Before Python 3.11, argparse lets errors of stdout out. oslo.log
        # raises RuntimeError if use_journal lacks the Python module systemd.
        raise (_unwritten() or failures.unusable(error)) from error


def _existing(path: str) -> list[str]:
    return [path] if os.path.exists(path) else []


def _interrupt(signum: int, frame: object) -> None:
    _handle_next(_interrupt_again)
    raise KeyboardInterrupt


def _interrupt_again(signum: int, frame: object) -> None:
    """Interrupt the ending too; a third signal kills the process.

    A kill at any point leaves a journal that the next run settles.
    """
    _handle_next(signal.SIG_DFL)
    raise KeyboardInterrupt


def _handle_next(handler: Union[_Handler, signal.Handlers]) -> None:
    for number in stopping.SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


if __name__ == '__main__':
    sys.exit(main())
