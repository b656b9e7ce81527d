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

"""Files that others read while they are written."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from typing import Iterator


def replace(path: str, content: bytes, mode: int) -> None:
    """Put a file in the place of another in one step.

    :param mode: its permissions, whatever the umask
    :raises OSError: the folder cannot be written
    """
    folder, name = os.path.split(path)
    # A dot file that is not executable is no script to libvirt.
    number, draft = tempfile.mkstemp(prefix=f'.{name}.', dir=folder)
    try:
        with os.fdopen(number, 'wb') as file:
            file.write(content)
            file.flush()
            os.fchmod(number, mode)
            os.fsync(number)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


@contextlib.contextmanager
def alone(folder: str) -> Iterator[None]:
    """Keep other runs from changing the folder's files in the block."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
