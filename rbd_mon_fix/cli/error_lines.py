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

"""What a command that ends early says: to people and to programs."""

from __future__ import annotations

import contextlib
import shlex
import sys
import traceback
from typing import Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import command_line
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import failures
from rbd_mon_fix.cli import help_pages
from rbd_mon_fix.cli import streams
from rbd_mon_fix.report import encoding


def trace(debug: bool) -> None:
    """Write the traceback of the current exception, if it is wanted."""
    if debug:
        for line in traceback.format_exc().splitlines():
            _write(line)


def tell(error: exceptions.RbdMonFixError, argv: Sequence[str]) -> int:
    """Write an error and its hint, and return the exit code.

    :param argv: the command line
    """
    _write(f'{help_pages.PROGRAM}: {error.message} {error.hint}'.strip())
    return answer(error, argv)


def answer(error: exceptions.RbdMonFixError, argv: Sequence[str]) -> int:
    """Write an error to stdout for a program, and return the exit code.

    A command that has written something to stdout has told its error there.

    :param argv: the command line, which may not be valid
    """
    fmt = command_line.wanted_format(argv)
    for_nagios = fmt == 'nagios' and 'check' in argv
    used = isinstance(sys.stdout, streams.Watched) and sys.stdout.used
    if (for_nagios or fmt in ('json', 'yaml')) and not used:
        # Without a working stdout, the exit code and stderr must tell.
        with contextlib.suppress(OSError, ImportError):
            # Imported late to save start time: most commands have no error.
            from rbd_mon_fix.report import listing
            listing.write_error(fmt, sys.stdout, failures.of_error(error))
    return (exit_codes.UNKNOWN_TO_NAGIOS if for_nagios
            else exit_codes.of_error(error))


def tell_interrupted(error: exceptions.Interrupted, argv: Sequence[str],
                     shared: Sequence[str]) -> int:
    """Write how to go on after an interrupted run, and how to take it back.

    :param argv: the command line
    :param shared: the options that the rollback needs too
    """
    if error.run is None:
        return tell(error, argv)
    _write(error.message)
    go_on = _next(argv) if error.written else _command(*argv)
    _write(f'  go on      {go_on}')
    if error.written:
        _write(f'  take back  {_command(*shared, "rollback", error.run)}')
    return answer(error, argv)


def _next(argv: Sequence[str]) -> str:
    """Return the command that makes the other changes.

    A saved plan no longer holds once some of its changes were made.
    """
    if any(word.partition('=')[0] == '--plan' for word in argv):
        return 'make a new plan with --dry-run --save-plan FILE'
    return _command(*argv)


def _command(*words: str) -> str:
    return shlex.join([help_pages.PROGRAM, *words])


def _write(line: str) -> None:
    # Without a working stderr, the exit code alone must tell.
    with contextlib.suppress(OSError):
        print(encoding.printable(line), file=sys.stderr)  # noqa: T201
