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

"""The exit codes of all commands."""

from __future__ import annotations

import enum

from rbd_mon_fix import exceptions

# The code of Nagios for a check that failed; ours has another meaning.
UNKNOWN_TO_NAGIOS = 3


class ExitCode(enum.IntEnum):
    """An exit code of any command; ``meaning`` is its text in the docs."""

    meaning: str

    OK = 0, 'All is right.'
    WRONG = 1, ('Something is wrong or could not be judged: stale or drifted '
                'records, records of an unknown cluster, stranded guests, '
                'disks that do not open, a failed check.')
    USAGE = 2, 'The command line or a config file cannot be used.'
    REFUSED = 3, 'A guard refused; nothing was changed.'
    INCOMPLETE = 4, ('Something was not put right: a conflict, a failure, '
                     'an unverified write, or a record left alone that is '
                     'stale or could not be judged; or the operating system '
                     'refused something, such as space for the report.')
    UNREACHABLE = 5, 'A service could not be reached.'
    INTERRUPTED = 130, 'Interrupted; run the same command again.'
    CRASH = 255, 'A defect of rbd-mon-fix; please report it.'

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        """Create a member from its number and meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code


def of_error(error: exceptions.RbdMonFixError) -> ExitCode:
    """Return the exit code of an error that ends a command."""
    if isinstance(error, exceptions.ConfigError):
        return ExitCode.USAGE
    if isinstance(error, exceptions.Refused):
        return ExitCode.REFUSED
    if isinstance(error, exceptions.Unreachable):
        return ExitCode.UNREACHABLE
    if isinstance(error, exceptions.Interrupted):
        return ExitCode.INTERRUPTED
    if isinstance(error, exceptions.Defect):
        return ExitCode.CRASH
    return ExitCode.INCOMPLETE


def of_look(wrong: object, lost: object) -> ExitCode:
    """Return the exit code of a command that changes nothing.

    :param wrong: true if something is wrong or could not be judged
    :param lost: true if a host could not be scanned
    """
    if lost:
        return ExitCode.UNREACHABLE
    return ExitCode.WRONG if wrong else ExitCode.OK


def of_work(incomplete: object, lost: object) -> ExitCode:
    """Return the exit code of a command that writes.

    :param incomplete: true if something was not corrected
    :param lost: true if a host could not be scanned
    """
    if lost:
        return ExitCode.UNREACHABLE
    return ExitCode.INCOMPLETE if incomplete else ExitCode.OK
