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

"""Writing the journal file of one run."""

from __future__ import annotations

import collections
import contextlib
import errno
import os
import threading
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.state import journal_records

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Writer:
    """The open journal file of one run; several threads may write.

    :param file: the descriptor, open for appending; ``leave`` closes it
    :param path: the path of the file, for messages
    :param earlier: the number of each change that the file holds; None if
        the file is new
    """

    def __init__(self, file: int, path: str, run: str,
                 earlier: Optional[Mapping[Locator, int]] = None):
        self.run = run
        self._lock = threading.RLock()
        self._file = file
        self._left = False
        self._path = path
        # Of the changes that may have another outcome.
        self._numbers = dict(earlier or {})
        self._verdicts: dict[Locator, Verdict] = {}
        # Of all changes.
        self._begun = len(self._numbers)
        self._settled: collections.Counter[Verdict] = collections.Counter()
        self._replaced: dict[str, set[str]] = {}
        self._new = earlier is None
        self._failure: Optional[OSError] = None
        self._size = os.fstat(file).st_size
        # The last line may lack its end.
        if self._size:
            self._append(b'\n')

    def note(self, kind: str, **fields: object) -> None:
        """Write one line and sync it to disk."""
        with self._lock:
            self._write([journal_records.dumps({'type': kind, **fields})])
            self._sync()

    def begin(self, changes: Iterable[Change]) -> None:
        """Write the changes that are about to be made, with one sync."""
        lines = []
        with self._lock:
            for change in changes:
                number = self._numbers[change.locator] = self._begun
                self._begun += 1
                for edit in change.edits:
                    self._replaced.setdefault(edit.cluster, set()).update(
                        map(str, edit.old))
                lines.append(journal_records.dumps(
                    journal_records.begin(number, change)))
            self._write(lines)
            self._sync()

    def end(self, outcomes: Iterable[Outcome]) -> None:
        """Write the outcomes of changes; a crash may lose them."""
        lines = []
        with self._lock:
            for outcome in outcomes:
                number = self._numbers[outcome.locator]
                self._verdicts[outcome.locator] = outcome.verdict
                lines.append(journal_records.dumps(
                    journal_records.end(number, outcome)))
            self._write(lines)

    def forget(self, changes: Iterable[Change]) -> None:
        """Free the memory of changes that have had their last outcome."""
        with self._lock:
            for change in changes:
                self._numbers.pop(change.locator, None)
                verdict = self._verdicts.pop(change.locator, None)
                if verdict is not None:
                    self._settled[verdict] += 1

    def close(self) -> None:
        """Record the end of the run, and close the file."""
        with self._lock:
            self._write([*self._summary(), journal_records.CLOSE])
            self.leave()

    def leave(self) -> None:
        """Close the file; unless ``close`` calls this, the run stays open.

        A thread that was left behind writes no further change: its journal
        is closed.
        """
        with self._lock:
            self._left = True
            try:
                with contextlib.suppress(OSError):
                    self._cut()
                self._sync()
            finally:
                with contextlib.suppress(OSError):
                    os.close(self._file)

    def _summary(self) -> Iterator[bytes]:
        """Yield the summary, if all outcomes are known here.

        A run that was cut off has outcomes in its file, and is rare.
        """
        settled = self._settled + collections.Counter(
            self._verdicts[locator] for locator in self._numbers
            if locator in self._verdicts)
        if self._new and sum(settled.values()) == self._begun:
            yield journal_records.dumps(journal_records.summary(
                settled, self._replaced))

    def _write(self, lines: Sequence[bytes]) -> None:
        self._append(b''.join(lines))

    def _append(self, words: bytes) -> None:
        """Append complete lines, or nothing.

        After a failed sync, the kernel calls the lost pages clean (see
        PostgreSQL's "fsyncgate"), so a later sync would prove nothing.
        """
        if self._failure is not None:
            raise unwritten(self._path, self._failure)
        if self._left:
            raise unwritten(self._path, OSError(
                errno.EBADF, 'the run has ended'))
        left = memoryview(words)
        try:
            self._cut()
            while left:
                left = left[_written(self._file, left):]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._cut()
            raise unwritten(self._path, error) from error
        self._size += len(words)

    def _cut(self) -> None:
        """Remove what an append that failed or was interrupted wrote."""
        if os.fstat(self._file).st_size != self._size:
            os.ftruncate(self._file, self._size)

    def _sync(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            self._failure = error
            raise unwritten(self._path, error) from error


def _written(file: int, words: memoryview) -> int:
    """Write some bytes, and return how many."""
    count = os.write(file, words)
    if not count:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return count


def unwritable(path: str, error: object) -> exceptions.ConfigError:
    """Return the error for a file or folder that cannot be written."""
    why = getattr(error, 'strerror', None) or error
    return exceptions.ConfigError(
        f'Cannot write the journal {path}: {why}.',
        'Nothing was changed. Choose another directory with --journal-dir, '
        'or run as a user who may write there.')


def unwritten(path: str, error: OSError) -> exceptions.RbdMonFixError:
    """Return the error for a journal that cannot be written any more."""
    advice = ('Free some disk space' if error.errno in _NO_SPACE
              else 'Check the disk and its filesystem')
    return exceptions.RbdMonFixError(
        f'Cannot write the journal {path}: {error.strerror}.',
        f'{advice}, then run the same command again; it finds out which '
        'changes were made.')
