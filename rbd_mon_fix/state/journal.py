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
import re
import secrets
from typing import Callable, Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.state import journal_reader
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import journal_writer

_ID = re.compile(r'^\d{8}-\d{6}-[0-9a-f]{4}$')

Clock = Callable[[], datetime.datetime]


class Journal:
    """The journal files of all runs.

    :param folder: the journal directory; ``prepare`` creates it
    :param clock: returns the current time in UTC
    """

    def __init__(self, folder: str, clock: Clock):
        self._folder = os.path.join(folder, 'runs')
        self._clock = clock

    def prepare(self) -> None:
        """Create the directory and check that it is writable.

        :raises ConfigError: the directory is not writable
        """
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise journal_writer.unwritable(self._folder, error) from error
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise journal_writer.unwritable(self._folder, 'permission denied')

    def start(self, command: str, hosts: Sequence[str],
              clusters: Sequence[Mapping[str, object]],
              undoes: Optional[str] = None) -> journal_writer.Writer:
        """Create the file of a new run.

        :param clusters: name, fsid and monitors of each cluster
        """
        now, run, file = self._create()
        writer = journal_writer.Writer(file, run, {})
        self._sync_folder()
        writer.note('run', version=journal_records.VERSION, run=run,
                    command=command, hosts=list(hosts),
                    started=now.isoformat(), clusters=list(clusters),
                    undoes=undoes)
        return writer

    def reopen(self, run: Run) -> journal_writer.Writer:
        """Open the file of an earlier run to add the missing outcomes."""
        with open(self._path(run.id), 'rb') as old:
            content = old.read()
        file = self._open(run.id, 0)
        os.ftruncate(file, len(content) - journal_reader.cut_off(content))
        return journal_writer.Writer(file, run.id, {
            entry.locator: entry.number for entry in run.entries})

    def unfinished(self) -> Iterator[Run]:
        """Yield the runs that were interrupted and not settled since."""
        return self._read(name for name in self._names()
                          if not self._is_closed(name))

    def runs(self) -> Iterator[Run]:
        """Yield all runs, oldest first."""
        return self._read(self._names())

    def latest(self) -> Optional[datetime.datetime]:
        """Return the start of the latest run, UTC; None without any run."""
        names = self._names()
        return (datetime.datetime.strptime(names[-1][:15], '%Y%m%d-%H%M%S')
                if names else None)

    def _names(self) -> list[str]:
        try:
            names = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(self._folder, error) from error
        split = map(os.path.splitext, names)
        return [run for run, ext in split
                if ext == '.jsonl' and _ID.match(run)]

    def read(self, run: str) -> Run:
        """Return one run.

        :raises ConfigError: no such run exists, or its file has a newer
            format or may not be read
        """
        if not _ID.match(run):
            raise _no_run(run)
        found = next(self._read([run]), None)
        if found is None:
            raise _no_run(run)
        if found.condition is Condition.NEWER:
            raise exceptions.ConfigError(
                f'Run {run} was written by a newer version of rbd-mon-fix.',
                'Use that version for this run.')
        return found

    def _read(self, names: Iterable[str]) -> Iterator[Run]:
        """Yield runs; leave out those that were removed meanwhile."""
        for name in names:
            try:
                with open(self._path(name), 'rb') as file:
                    content = file.read()
            except FileNotFoundError:
                continue
            except PermissionError as error:
                raise _unreadable(self._path(name), error) from error
            except OSError:
                yield journal_reader.unreadable(name)
                continue
            yield journal_reader.run(name, content)

    def _create(self) -> tuple[datetime.datetime, str, int]:
        """Create a file for a run; return the time, the run and the file.

        Runs on other hosts may start in the same second.
        """
        while True:
            now = self._clock()
            run = f'{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}'
            with contextlib.suppress(FileExistsError):
                return now, run, self._open(run, os.O_CREAT | os.O_EXCL)

    def _open(self, run: str, flags: int) -> int:
        try:
            return os.open(self._path(run), os.O_WRONLY | os.O_APPEND
                           | os.O_CLOEXEC | flags, 0o600)
        except FileExistsError:
            raise
        except OSError as error:
            raise journal_writer.unwritable(
                self._path(run), error) from error

    def _path(self, run: str) -> str:
        return os.path.join(self._folder, f'{run}.jsonl')

    def _sync_folder(self) -> None:
        """Sync the folder: syncing a new file does not sync its name."""
        folder = os.open(self._folder, os.O_RDONLY)
        # Some filesystems do not support this and do not need it.
        with contextlib.suppress(OSError):
            os.fsync(folder)
        os.close(folder)

    def _is_closed(self, run: str) -> bool:
        """Return whether a run has ended; read only the last line."""
        try:
            with open(self._path(run), 'rb') as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - len(journal_records.CLOSE)))
                return file.read() == journal_records.CLOSE
        except OSError:
            return False


def _unreadable(path: str, error: OSError) -> exceptions.ConfigError:
    return exceptions.ConfigError(
        f'Cannot read the journal {path}: {error.strerror}.',
        'Run as the user who wrote the journal.')


def _no_run(run: str) -> exceptions.ConfigError:
    return exceptions.ConfigError(
        f'There is no run {run} in the journal.',
        "List the runs with 'rbd-mon-fix journal list', and check "
        '--journal-dir.')
