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

"""Errors that are shown to the operator, each with a hint."""

from __future__ import annotations

import os
from typing import Optional


class RbdMonFixError(Exception):
    """Base class of all our own errors.

    :param message: the problem, in one sentence
    :param hint: the operator's next step
    """

    def __init__(self, message: str, hint: str = ''):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f'{self.message} {self.hint}'.strip()


class ConfigError(RbdMonFixError):
    """The command line or a config file is invalid."""


class Refused(RbdMonFixError):
    """A guard refused to continue; nothing was changed."""


class Unreachable(RbdMonFixError):
    """A service (database, libvirt, Nova, Ceph) could not be reached."""


class Unreadable(RbdMonFixError):
    """A document cannot be parsed, so it must not be written."""


class Conflict(RbdMonFixError):
    """The document has changed since it was read; nothing was written."""


class Gone(RbdMonFixError):
    """The document, server or domain does not exist."""


class Interrupted(RbdMonFixError):
    """The operator ended the command before its end.

    :param run: the run that was being written; None if there was none
    :param written: number of changes that the run wrote
    :param total: number of changes that were due
    """

    def __init__(self, run: Optional[str] = None, written: int = 0,
                 total: int = 0) -> None:
        if run is None:
            super().__init__('Interrupted.',
                             'Run the same command again to continue.')
        else:
            super().__init__(f'Interrupted. Run {run}: {written} of '
                             f'{total} changes written.')
        self.run = run
        self.written = written


class Defect(RbdMonFixError):
    """An exception that nobody expected: a defect of rbd-mon-fix.

    Its text is not shown: it may quote a document.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f'Crashed: {type(error).__name__}.', 'Run it again with --debug '
            'to get a traceback, and please report it.')
        self.__cause__ = error


def of_any(error: BaseException) -> RbdMonFixError:
    """Return any exception as an error of ours."""
    if isinstance(error, RbdMonFixError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted()
    if isinstance(error, OSError):
        return of_system(error)
    return Defect(error)


def of_system(error: OSError) -> RbdMonFixError:
    """Return an error of ours for an error of the operating system.

    The text of the error is not used: a library may have written it.
    """
    words = os.strerror(error.errno) if error.errno else type(error).__name__
    where = f' ({error.filename})' if isinstance(error.filename, str) else ''
    return RbdMonFixError(
        f'The operating system reports: {words}{where}.',
        'Correct it, and run the same command again.')
