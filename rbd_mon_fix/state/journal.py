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

"""The durable record of what was done, written before it is done.

One file a run, mode 0600, JSON lines. It holds locators, disks, old and new
monitors and hashes; no documents and no secrets. A ``begin`` is on disk
before its act; an ``end`` follows after. A ``begin`` without an ``end`` is
left by a crash, and settled by looking at the store.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import secrets
from typing import Any, Callable, Iterable, Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.state import journal_records

_ID = re.compile(r'^\d{8}-\d{6}-[0-9a-f]{4}$')

_CLOSED = b'{"type": "close"}\n'

Clock = Callable[[], datetime.datetime]


class Writer:
    """The open journal file of one run."""

    def __init__(self, path: str, run: str, numbers: dict[Locator, int]):
        self.run = run
        self._numbers = numbers
        try:
            self._file = os.open(
                path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from error
        # A line cut short by a crash must not swallow the next one.
        if os.fstat(self._file).st_size:
            self._append(b'\n')

    def note(self, kind: str, **words: Any) -> None:
        """Put one line on disk."""
        self._write([{'type': kind, **words}])
        self._sync()

    def begin(self, changes: Iterable[Change]) -> None:
        """Put changes on disk that are about to be made, by one sync."""
        lines = []
        for change in changes:
            number = len(self._numbers)
            self._numbers[change.locator] = number
            lines.append(journal_records.begin(number, change))
        self._write(lines)
        self._sync()

    def end(self, outcomes: Iterable[Outcome]) -> None:
        """Note what became of changes."""
        self._write([
            journal_records.end(self._numbers[outcome.locator], outcome)
            for outcome in outcomes])

    def close(self) -> None:
        """Note that the run came to its end."""
        self.note('close')
        self.leave()

    def leave(self) -> None:
        """Close the file; without ``close`` the run counts as cut off."""
        try:
            self._sync()
        finally:
            os.close(self._file)

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        text = ''.join(json.dumps(line) + '\n' for line in lines)
        self._append(text.encode())

    def _append(self, words: bytes) -> None:
        left = memoryview(words)
        try:
            while left:
                left = left[os.write(self._file, left):]
        except OSError as error:
            raise _cut_off(self.run, error) from error

    def _sync(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _cut_off(self.run, error) from error


class Journal:
    """The folder with one file a run.

    :param folder: made where it is missing
    :param clock: gives the time in UTC
    """

    def __init__(self, folder: str, clock: Clock):
        self._folder = os.path.join(folder, 'runs')
        self._clock = clock

    def prepare(self) -> None:
        """Make the folder, and see that it can be written.

        :raises ConfigError: it cannot
        """
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise _unwritable(self._folder, 'permission denied')

    def start(self, command: str, hosts: Sequence[str],
              clusters: Sequence[dict[str, Any]],
              undoes: Optional[str] = None) -> Writer:
        """Open the file of a new run.

        :param clusters: name, fsid and monitors of each
        """
        now = self._clock()
        run = f'{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}'
        writer = Writer(self._path(run), run, {})
        self._sync_folder()
        writer.note('run', version=1, run=run, command=command,
                    hosts=list(hosts), started=now.isoformat(),
                    clusters=list(clusters), undoes=undoes)
        return writer

    def reopen(self, run: Run) -> Writer:
        """Open the file of an earlier run to settle it."""
        numbers = {entry.locator: number
                   for number, entry in enumerate(run.entries)}
        return Writer(self._path(run.id), run.id, numbers)

    def unfinished(self) -> Iterator[Run]:
        """Yield the runs that were cut off and not settled since."""
        for name in self._names():
            if not self._is_closed(name):
                yield self.read(name)

    def runs(self) -> Iterator[Run]:
        """Yield all runs, the oldest first."""
        return map(self.read, self._names())

    def latest(self) -> Optional[datetime.datetime]:
        """Return when the last run began, UTC; None before the first."""
        names = self._names()
        return (datetime.datetime.strptime(names[-1][:15], '%Y%m%d-%H%M%S')
                if names else None)

    def _names(self) -> list[str]:
        try:
            names = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise exceptions.ConfigError(
                f'The journal {self._folder} cannot be read: '
                f'{error.strerror}.', 'Run as the user who wrote it.'
            ) from error
        split = map(os.path.splitext, names)
        return [run for run, ext in split
                if ext == '.jsonl' and _ID.match(run)]

    def read(self, run: str) -> Run:
        """Return what is known of one run.

        :raises ConfigError: there is no such run
        """
        if not _ID.match(run):
            raise _no_run(run)
        with _reading(run), open(self._path(run), encoding='ascii',
                                 errors='replace') as file:
            return journal_records.run(run, journal_records.lines(file))

    def _path(self, run: str) -> str:
        return os.path.join(self._folder, f'{run}.jsonl')

    def _sync_folder(self) -> None:
        """Put the name of a new file on disk, for its sync does not."""
        folder = os.open(self._folder, os.O_RDONLY)
        # There are filesystems that cannot, and need not.
        with contextlib.suppress(OSError):
            os.fsync(folder)
        os.close(folder)

    def _is_closed(self, run: str) -> bool:
        """Look at the last line alone: journals are long."""
        with _reading(run), open(self._path(run), 'rb') as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(_CLOSED)))
            return file.read() == _CLOSED


@contextlib.contextmanager
def _reading(run: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise _no_run(run) from None
    except OSError as error:
        raise exceptions.ConfigError(
            f'The journal of run {run} cannot be read: {error.strerror}.',
            'Run as the user who wrote it.') from error


def _unwritable(path: str, error: object) -> exceptions.ConfigError:
    why = getattr(error, 'strerror', None) or error
    return exceptions.ConfigError(
        f'The journal {path} cannot be written: {why}.',
        'Nothing was changed. Give another folder with --journal-dir, or '
        'run as a user who may write there.')


def _cut_off(run: str, error: OSError) -> exceptions.RbdMonFixError:
    return exceptions.RbdMonFixError(
        f'The journal of run {run} cannot be written: {error.strerror}.',
        'Make room for it, then run the same command again: it finds out '
        'what was done.')


def _no_run(run: str) -> exceptions.ConfigError:
    return exceptions.ConfigError(
        f'There is no run {run} in the journal.',
        "See 'rbd-mon-fix journal list', and --journal-dir.")
