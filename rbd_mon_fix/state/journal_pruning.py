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

"""Removing the files of old runs."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Pruned
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.model.run import RunSummary
from rbd_mon_fix.state import journal_files
from rbd_mon_fix.state import private_folder

_REASONS = {Condition.DAMAGED: 'the file is damaged',
            Condition.NEWER: 'a newer version of rbd-mon-fix wrote it'}


def hosts(old: Iterable[RunSummary]) -> Sequence[str]:
    """Return the hosts to lock while runs are removed.

    A rollback of such a run holds these locks while it reads the run.
    """
    return sorted({host for run in old if run.finished for host in run.hosts})


def prune(folder: private_folder.PrivateFolder,
          old: Iterable[RunSummary]) -> Iterator[Pruned]:
    """Remove those of some runs that are finished and whole; yield each.

    :raises RbdMonFixError: a file cannot be removed
    """
    try:
        for each in old:
            found = journal_files.read(folder, each.id)
            if found is None:
                continue
            kept = _reason(found)
            if kept is None:
                folder.remove(journal_files.name(each.id))
            yield Pruned(found.summary, kept)
        folder.sync()
    except OSError as error:
        raise exceptions.RbdMonFixError(
            f'Cannot remove files from {folder.path}: {error.strerror}.',
            'Correct it, and run the same command again.') from error


def _reason(run: Run) -> Optional[str]:
    """Return why a run is kept; None if it may be removed."""
    if run.condition is not Condition.WHOLE:
        return _REASONS[run.condition]
    return None if run.finished else 'the run is not finished'
