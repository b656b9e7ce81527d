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

"""The standard streams, whatever state the caller passes them in."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Iterator, Optional, TextIO

_STDERR = 2


class Watched(io.TextIOBase):
    """A stream whose first error is raised again by each later call.

    argparse ignores errors, and a buffered stream may raise them late.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.error: Optional[OSError] = None
        # Whether anything was written.
        self.used = False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return the encoding of the stream."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write a text."""
        self.used = self.used or bool(text)
        with self._watched():
            return self._stream.write(text)

    def flush(self) -> None:
        """Write what is buffered."""
        with self._watched():
            self._stream.flush()

    def __del__(self) -> None:
        """Do not close the stream, as IOBase would: it belongs to Python."""

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        if self.error is not None:
            raise self.error
        try:
            yield
        except OSError as error:
            self.error = error
            raise


class _Copied(io.StringIO):
    """Passes everything on to a stream, and keeps a copy."""

    def __init__(self, stream: TextIO):
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        super().write(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


@contextlib.contextmanager
def copied_stderr() -> Iterator[io.StringIO]:
    """Keep a copy of what is written to stderr in the block."""
    with contextlib.redirect_stderr(_Copied(sys.stderr)) as copied:
        yield copied


def complete() -> None:
    """Replace standard streams that are closed.

    Otherwise the next file that is opened, such as a database, would get the
    number of a closed stream, and what is meant for the stream would go to
    the file. A closed stdout is replaced by one that cannot be written: a
    report must not vanish silently. Errors on stderr may.
    """
    with contextlib.suppress(OSError):
        number = 0
        while number <= _STDERR:
            number = os.open(os.devnull, os.O_RDONLY)
        os.close(number)
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), 'w')
    if sys.stderr is None:
        sys.stderr = open(os.devnull, 'w')


def failure(stream: TextIO) -> Optional[OSError]:
    """Return why a stream does not take what was written to it, or None."""
    try:
        stream.flush()
    except OSError as error:
        return error
    return None


def settle() -> None:
    """Drop what the standard streams do not take.

    Python would try again at its end, and exit with a code of its own.
    """
    for stream in (sys.stdout, sys.stderr):
        if failure(stream) is not None:
            drop(stream)


def drop(stream: TextIO) -> None:
    """Discard what a stream still holds and whatever is written to it."""
    if isinstance(stream, Watched):
        stream.error = None
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
