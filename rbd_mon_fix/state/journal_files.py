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

"""Reading the journal files in an open folder."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from typing import Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.model.run import RunSummary
from rbd_mon_fix.state import journal_reader
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import private_folder

_ID = re.compile(r'\d{8}-\d{6}-[0-9a-f]{4}')
_EXT = '.jsonl'
_PARTS = 1 << 16
# No id comes between those of two moments so far apart.
STEP = datetime.timedelta(microseconds=15)
# More than the summaries of most runs and the last line need; the others are
# read whole.
_TAIL = 4096


def is_id(run: str) -> bool:
    """Return whether a run may have this id."""
    return bool(_ID.fullmatch(run))


def new_id(moment: datetime.datetime) -> str:
    """Return the id of a run that starts now; ids sort by the start.

    Its last four digits are parts of a second, of which there are 65,536. A
    refresh may start in the second in which the one before ended, and a
    rollback takes back the last one.
    """
    part = moment.microsecond * _PARTS // 1_000_000
    return f'{moment:%Y%m%d-%H%M%S}-{part:04x}'


def name(run: str) -> str:
    """Return the name of a run's file."""
    return run + _EXT


def ids(folder: private_folder.PrivateFolder) -> list[str]:
    """Return the ids of all runs, the oldest first."""
    split = map(os.path.splitext, folder.names())
    return [run for run, ext in split if ext == _EXT and is_id(run)]


def read(folder: private_folder.PrivateFolder, run: str) -> Optional[Run]:
    """Return a run, or None if it was removed meanwhile.

    :raises ConfigError: the file may not be read
    """
    try:
        content = folder.read(name(run))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise unreadable(os.path.join(folder.path, name(run)),
                         error) from error
    except (OSError, exceptions.ConfigError):
        return journal_reader.unreadable(run)
    return journal_reader.run(run, content)


def read_unfinished(folder: private_folder.PrivateFolder, run: str
                    ) -> Optional[Run]:
    """Return a run like ``read``, or None if it has ended.

    Only the last line is read of a run that has ended.
    """
    if _tail(folder, run).endswith(journal_records.CLOSE):
        return None
    return read(folder, run)


def summarize(folder: private_folder.PrivateFolder, run: str
              ) -> Optional[RunSummary]:
    """Return the summary of a run, or None if it was removed meanwhile.

    Only the first and the last lines are read of a run that has ended.

    :raises ConfigError: the file may not be read
    """
    found = journal_reader.summary(
        run, _head(folder, run), _tail(folder, run))
    if found is not None:
        return found
    whole = read(folder, run)
    return whole.summary if whole is not None else None


def _head(folder: private_folder.PrivateFolder, run: str) -> bytes:
    """Return the first line, or nothing if it cannot be read."""
    with contextlib.suppress(OSError, exceptions.ConfigError):
        with open(folder.open(name(run), os.O_RDONLY), 'rb') as file:
            return file.readline()
    return b''


def _tail(folder: private_folder.PrivateFolder, run: str) -> bytes:
    """Return the last bytes, or nothing if they cannot be read."""
    with contextlib.suppress(OSError, exceptions.ConfigError):
        with open(folder.open(name(run), os.O_RDONLY), 'rb') as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read()
    return b''


def unreadable(path: str, error: OSError) -> exceptions.ConfigError:
    """Return the error for a file or folder that may not be read."""
    return exceptions.ConfigError(
        f'Cannot read the journal {path}: {error.strerror}.',
        'Run as the user who wrote the journal.')
