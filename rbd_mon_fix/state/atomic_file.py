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

"""Atomic file replacement: readers see the old or the new file."""

from __future__ import annotations

import os
import tempfile


def replace(path: str, content: bytes, mode: int) -> None:
    """Replace the file at a path atomically.

    :param mode: the permissions of the file, regardless of the umask
    :raises OSError: the folder or the file cannot be written; the old file
        is unchanged
    """
    folder, name = os.path.split(path)
    # Make the draft executable only when it is complete: libvirt runs every
    # executable file in its hook folder.
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
