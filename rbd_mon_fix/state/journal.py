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

"""The write-ahead journal of all changes.

Each run has one file of JSON lines, mode 0600. It holds locators, disks, old
and new monitors and fingerprints; no documents and no secrets. The ``begin``
line of a change is on disk before the change is made; ``end`` follows. If a
crash leaves no ``end``, a later run reads the store to find the outcome.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from typing import (
    Callable,
    Iterator,
    Mapping,
    Optional,
    Sequence,
    TypeVar,
)

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Pruned
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.model.run import RunSummary
from rbd_mon_fix.state import journal_files
from rbd_mon_fix.state import journal_pruning
from rbd_mon_fix.state import journal_reader
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import journal_writer
from rbd_mon_fix.state import locks
from rbd_mon_fix.state import private_folder

Clock = Callable[[], datetime.datetime]
_T = TypeVar('_T')


class Journal:
    """The journal files of all runs.

    All methods raise ConfigError if other users could alter or redirect the
    files, or may not be read.

    :param folder: the journal directory; ``prepare`` creates it
    :param clock: returns the current time in UTC
    """

    def __init__(self, folder: str, clock: Clock):
        self._home = folder
        self._folder = os.path.join(folder, 'runs')
        self._clock = clock

    def prepare(self) -> None:
        """Create the directory and check that it is writable.

        :raises ConfigError: the directory is not writable
        """
        with self._writable(create=0o700):
            if not os.access(self._folder, os.W_OK | os.X_OK):
                raise journal_writer.unwritable(self._folder,
                                                'permission denied')

    def start(self, command: str, hosts: Sequence[str],
              clusters: Sequence[Mapping[str, object]],
              undoes: Optional[str] = None) -> journal_writer.Writer:
        """Create the file of a new run.

        :param clusters: name, fsid and monitors of each cluster
        :raises RbdMonFixError: the file cannot be written
        """
        with self._writable() as folder:
            now, run, file = self._create(folder)
            try:
                writer = journal_writer.Writer(file, self._path(run), run)
                self._sync(folder)
                writer.note(
                    'run', version=journal_records.VERSION, run=run,
                    command=command, hosts=list(hosts),
                    started=now.isoformat(), clusters=list(clusters),
                    undoes=undoes)
            except BaseException:
                # Nothing was changed, so no run is left to settle.
                os.close(file)
                with contextlib.suppress(OSError):
                    folder.remove(journal_files.name(run))
                raise
        return writer

    def reopen(self, run: Run) -> journal_writer.Writer:
        """Open the file of an earlier run to add the missing outcomes.

        :raises RbdMonFixError: the file cannot be read or written
        """
        name = journal_files.name(run.id)
        try:
            with private_folder.opened(self._folder) as folder:
                content = folder.read(name)
                file = folder.open(name, os.O_WRONLY | os.O_APPEND)
            os.ftruncate(
                file, len(content) - journal_reader.cut_off(content))
            return journal_writer.Writer(file, self._path(run.id), run.id, {
                entry.locator: entry.number for entry in run.entries})
        except OSError as error:
            raise journal_writer.unwritten(
                self._path(run.id), error) from error

    def unfinished(self) -> Iterator[Run]:
        """Yield the runs that were interrupted and not settled since."""
        return self._each(journal_files.read_unfinished)

    def runs(self) -> Iterator[Run]:
        """Yield all runs, oldest first."""
        return self._each(journal_files.read)

    def summaries(self, last: int = 0) -> Iterator[RunSummary]:
        """Yield the summaries of runs, oldest first.

        Of most files only the first and the last lines are read, so damage
        between them is not seen.

        :param last: the number of runs, the newest ones; 0 for all
        """
        return self._each(journal_files.summarize, lambda folder:
                          journal_files.ids(folder)[-last:])

    def latest(self) -> Optional[datetime.datetime]:
        """Return the start of the latest run, UTC; None without any run."""
        runs = list(self._each(lambda folder, run: run))
        return (datetime.datetime.strptime(runs[-1][:15], '%Y%m%d-%H%M%S')
                if runs else None)

    def read(self, run: str) -> Run:
        """Return one run.

        :raises ConfigError: no such run exists, or its file has a newer
            format or may not be read
        """
        if not journal_files.is_id(run):
            raise _no_run(run)
        found = next(self._each(journal_files.read, lambda folder: [run]),
                     None)
        if found is None:
            raise _no_run(run)
        if found.condition is Condition.NEWER:
            raise exceptions.ConfigError(
                f'Run {run} was written by a newer version of rbd-mon-fix.',
                'Use that version for this run.')
        return found

    def prune(self, keep: int) -> Iterator[Pruned]:
        """Remove all but the newest runs; yield each run that is older.

        A run that is not finished, damaged or of a newer version is kept.

        :param keep: the number of runs that are not looked at
        :raises Refused: a run is in progress on a host of a run to remove
        :raises RbdMonFixError: a file cannot be removed
        """
        old = list(self.summaries())[:-keep]
        if not old:
            return
        self.prepare()
        with self._writable() as folder, locks.held(
                self._home, journal_pruning.hosts(old)):
            yield from journal_pruning.prune(folder, old)

    def _each(self, look: Callable[
            [private_folder.PrivateFolder, str], Optional[_T]],
            choose: Callable[[private_folder.PrivateFolder], list[str]]
            = journal_files.ids) -> Iterator[_T]:
        """Look at runs, by default at all; leave out where nothing is."""
        with contextlib.ExitStack() as stack:
            try:
                folder = stack.enter_context(
                    private_folder.opened(self._folder))
                runs = choose(folder)
            except FileNotFoundError:
                return
            except OSError as error:
                raise journal_files.unreadable(
                    self._folder, error) from error
            for run in runs:
                found = look(folder, run)
                if found is not None:
                    yield found

    @contextlib.contextmanager
    def _writable(self, create: Optional[int] = None
                  ) -> Iterator[private_folder.PrivateFolder]:
        with contextlib.ExitStack() as stack:
            try:
                folder = stack.enter_context(private_folder.opened(
                    self._folder, create=create))
            except OSError as error:
                raise journal_writer.unwritable(
                    self._folder, error) from error
            yield folder

    def _create(self, folder: private_folder.PrivateFolder
                ) -> tuple[datetime.datetime, str, int]:
        """Create a file for a run; return the time, the run and the file.

        Runs on other hosts may start at the same moment.
        """
        now = moment = self._clock()
        while True:
            run = journal_files.new_id(moment)
            try:
                return now, run, folder.create(
                    journal_files.name(run), os.O_WRONLY | os.O_APPEND)
            except FileExistsError:
                moment += journal_files.STEP
            except OSError as error:
                raise journal_writer.unwritable(
                    self._path(run), error) from error

    def _sync(self, folder: private_folder.PrivateFolder) -> None:
        try:
            folder.sync()
        except OSError as error:
            raise journal_writer.unwritten(self._folder, error) from error

    def _path(self, run: str) -> str:
        return os.path.join(self._folder, journal_files.name(run))


def _no_run(run: str) -> exceptions.ConfigError:
    return exceptions.ConfigError(
        f'There is no run {run} in the journal.',
        "List the runs with 'rbd-mon-fix journal list', and check "
        '--journal-dir.')
