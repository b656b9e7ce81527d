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

"""How a report ends."""

from __future__ import annotations

import dataclasses
from typing import Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.summary import Summary


@dataclasses.dataclass(frozen=True)
class Failure:
    """The reason for an exit code, for programs.

    :param kind: the name of the code
    """

    code: int
    kind: str
    message: str
    hint: str


@dataclasses.dataclass(frozen=True)
class Ending:
    """What is known once all servers have been reported.

    :param run: the id of the run; None if nothing was written
    :param lost: the hosts that could not be scanned, each with the reason
    :param error: the error that ends the command, such as the refusal of a
        guard; None if there is none
    :param digest: the digest of a plan that was not carried out; '' if there
        is none
    :param saved: the file to which the plan was saved
    :param undoes: the run that a dry run of a rollback would undo
    :param failure: the error, or the hosts that were lost, for programs
    """

    summary: Summary
    run: Optional[str] = None
    lost: Mapping[str, exceptions.RbdMonFixError] = dataclasses.field(
        default_factory=dict)
    error: Optional[exceptions.RbdMonFixError] = None
    digest: str = ''
    saved: Optional[str] = None
    undoes: Optional[str] = None
    failure: Optional[Failure] = None
