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

"""A single check of ``preflight``, which turns errors into results."""

from __future__ import annotations

import dataclasses
import enum
from typing import Callable, Iterable, Iterator

from oslo_log import log as logging

from rbd_mon_fix import exceptions

LOG = logging.getLogger(__name__)

# What a check reports in a sentence: our own errors, the operating system's,
# and modules that cannot be loaded, for example at the limit of open files.
FAILURES = (exceptions.RbdMonFixError, OSError, ImportError)


class Works(str, enum.Enum):
    """The result of a check."""

    YES = 'yes'
    NO = 'no'
    NOT_ASKED = 'not asked'


@dataclasses.dataclass(frozen=True)
class Check:
    """The result for one requirement of a run.

    :param check: the kind of requirement: config, database, libvirt, ...
    :param subject: the file, service or machine that was checked
    :param finding: one sentence
    :param advice: the next step if the check failed
    """

    check: str
    subject: str
    works: Works
    finding: str
    advice: str = ''


def tried(check: str, subject: str, act: Callable[[], str]) -> Check:
    """Run a check, which passes unless it raises an exception.

    :param act: the check; returns the finding, one sentence
    """
    def passed() -> Iterator[Check]:
        yield Check(check, subject, Works.YES, act())
    return next(guarded(check, subject, passed()))


def guarded(check: str, subject: str,
            checks: Iterable[Check]) -> Iterator[Check]:
    """Yield checks; an exception between two of them is a failed check."""
    try:
        yield from checks
    except FAILURES as error:
        found = _explained(error)
        yield Check(check, subject, Works.NO, found.message, found.hint)
    except Exception as error:  # run the other checks
        LOG.debug('%s of %s crashed', check, subject, exc_info=True)
        yield Check(check, subject, Works.NO,
                    f'The check crashed: {type(error).__name__}.',
                    'Run it again with --debug, and please report it.')


def not_asked(check: str, subject: str, why: str) -> Check:
    """Return the line for a check that is unnecessary or impossible."""
    return Check(check, subject, Works.NOT_ASKED, why)


def _explained(error: Exception) -> exceptions.RbdMonFixError:
    """Return our own error for one of ``FAILURES``."""
    if isinstance(error, exceptions.RbdMonFixError):
        return error
    if isinstance(error, OSError):
        return exceptions.of_system(error)
    return exceptions.ConfigError(
        f'Cannot load the Python module {getattr(error, "name", None)}: it '
        'is missing or cannot be opened.',
        'Check the installation and the limit of open files.')
