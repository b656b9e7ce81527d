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

"""Whatever ends a command early, as an error of ours and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Optional

from oslo_config import cfg

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes

if TYPE_CHECKING:
    from rbd_mon_fix.report import ending


def ours(error: BaseException) -> exceptions.RbdMonFixError:
    """Return any exception, of libraries too, as an error of ours."""
    if isinstance(error, ImportError):
        return exceptions.ConfigError(
            f'Cannot load the Python module {error.name}: it is missing or '
            'cannot be opened.', 'Check the installation and the limit of '
            'open files, or use --debug for the reason.')
    if isinstance(error, cfg.Error):
        # oslo.config checks an option when it is first used. The message may
        # quote the part of a password after a $.
        return unusable(type(error).__name__)
    return exceptions.of_any(error)


def unusable(why: object) -> exceptions.ConfigError:
    """Return the error for a configuration that cannot be used."""
    return exceptions.ConfigError(
        f'The configuration cannot be used: {why}.',
        "See 'rbd-mon-fix --help'.")


def misused(told: str) -> exceptions.ConfigError:
    """Return the error for what argparse told before it ended the program.

    :param told: the usage, and the line ``rbd-mon-fix COMMAND: error: ...``
    """
    [*_, line] = ['', *told.strip().splitlines()]
    return exceptions.ConfigError(
        f'The command line cannot be used: {line.rpartition(": error: ")[2]}.',
        "See 'rbd-mon-fix --help'.")


def of_error(error: exceptions.RbdMonFixError) -> ending.Failure:
    """Return an error for programs."""
    # Imported late to save start time: most commands have no error.
    from rbd_mon_fix.report import ending
    code = exit_codes.of_error(error)
    return ending.Failure(int(code), code.name.lower(), error.message,
                          error.hint)


def of_lost(lost: Mapping[str, exceptions.RbdMonFixError]
            ) -> Optional[ending.Failure]:
    """Return the hosts that were not reached for programs; None if none."""
    if not lost:
        return None
    return of_error(exceptions.Unreachable(
        ' '.join(f'{host} was not reached: {error.message}'
                 for host, error in lost.items()),
        'Run the command again for these hosts once they can be reached.'))
