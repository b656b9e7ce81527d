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

import os
from typing import Iterable, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.state import journal_records


class Writer:
    """The open journal file of one run.

    :param file: the descriptor, open for appending; ``leave`` closes it
    :param numbers: the number of each change that the file holds
    """

    def __init__(self, file: int, run: str, numbers: dict[Locator, int]):
        self.run = run
        self._file = file
        self._numbers = numbers
        # The last line may lack its end.
        if os.fstat(self._file).st_size:
            self._append(b'\n')

    def note(self, kind: str, **fields: object) -> None:
        """Write one line and sync it to disk."""
        self._write([journal_records.dumps({'type': kind, **fields})])
        self._sync()

    def begin(self, changes: Iterable[Change]) -> None:
        """Write the changes that are about to be made, with one sync."""
        lines = []
        for change in changes:
            number = len(self._numbers)
            self._numbers[change.locator] = number
            lines.append(journal_records.dumps(
                journal_records.begin(number, change)))
        self._write(lines)
        self._sync()

    def end(self, outcomes: Iterable[Outcome]) -> None:
        """Write the outcomes of changes; a crash may lose them."""
        self._write([journal_records.dumps(journal_records.end(
            self._numbers[outcome.locator], outcome))
            for outcome in outcomes])

    def close(self) -> None:
        """Record the end of the run, and close the file."""
        self._write([journal_records.CLOSE])
        self.leave()

    def leave(self) -> None:
        """Close the file; unless ``close`` calls this, the run stays open."""
        try:
            self._sync()
        finally:
            os.close(self._file)

    def _write(self, lines: Sequence[bytes]) -> None:
        self._append(b''.join(lines))

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


def unwritable(path: str, error: object) -> exceptions.ConfigError:
    """Return the error for a file or folder that cannot be written."""
    why = getattr(error, 'strerror', None) or error
    return exceptions.ConfigError(
        f'Cannot write the journal {path}: {why}.',
        'Nothing was changed. Choose another directory with --journal-dir, '
        'or run as a user who may write there.')


def _cut_off(run: str, error: OSError) -> exceptions.RbdMonFixError:
    return exceptions.RbdMonFixError(
        f'Cannot write the journal of run {run}: {error.strerror}.',
        'Free some disk space, then run the same command again; it finds '
        'out which changes were made.')
