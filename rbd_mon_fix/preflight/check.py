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

"""One check of ``preflight``; an error becomes its result."""

from __future__ import annotations

import dataclasses
import enum
from typing import Callable

from oslo_log import log as logging

from rbd_mon_fix import exceptions

LOG = logging.getLogger(__name__)


class Works(str, enum.Enum):
    """Whether it works."""

    YES = 'yes'
    NO = 'no'
    NOT_ASKED = 'not asked'


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that a run needs.

    :param check: what kind of thing: config, database, libvirt, ...
    :param subject: which one
    :param finding: one sentence
    :param advice: what to do where it does not work
    """

    check: str
    subject: str
    works: Works
    finding: str
    advice: str = ''


def tried(check: str, subject: str, act: Callable[[], str]) -> Check:
    """Return what an act found: it works unless it raises.

    :param act: returns the finding, one sentence
    """
    try:
        return Check(check, subject, Works.YES, act())
    except exceptions.RbdMonFixError as error:
        return Check(check, subject, Works.NO, error.message, error.hint)
    except Exception as error:  # the other checks are still due
        LOG.debug('%s of %s crashed', check, subject, exc_info=True)
        return Check(check, subject, Works.NO,
                     f'The check crashed: {type(error).__name__}.',
                     'Run it again with --debug, and please report it.')


def not_asked(check: str, subject: str, why: str) -> Check:
    """Return the line of what there is no need, or no way, to ask."""
    return Check(check, subject, Works.NOT_ASKED, why)
