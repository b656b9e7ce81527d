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

"""The result of a run that writes, and how errors end one."""

from __future__ import annotations

import dataclasses
from typing import Callable, Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.summary import Summary

# What ends a run, but not its report.
ENDINGS = (Exception, KeyboardInterrupt)


@dataclasses.dataclass(frozen=True)
class RunResult:
    """The result of a run that writes.

    :param run: the run's ID in the journal; None if there were no changes
    :param lost: hosts that could not be scanned, each with the reason
    :param error: the error that cut the run off; None if it was complete
    """

    summary: Summary
    run: Optional[str]
    lost: Mapping[str, exceptions.Unreachable]
    error: Optional[exceptions.RbdMonFixError] = None


def followed(result: RunResult, work: Callable[[], object]) -> RunResult:
    """Do what follows a run; if it fails, the result is not lost.

    :returns: the result, with the error of the work if it had none
    """
    try:
        work()
    except ENDINGS as ending:
        return dataclasses.replace(
            result, error=result.error or exceptions.of_any(ending))
    return result
