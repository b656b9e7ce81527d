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

"""Replace a file in one step, for readers that never see half of it."""

from __future__ import annotations

import os
import tempfile


def replace(path: str, content: bytes, mode: int) -> None:
    """Write a file and put it in the place of the one at a path.

    :param mode: its permissions, whatever the umask
    :raises OSError: the folder or the file cannot be written; the old file
        is untouched
    """
    folder, name = os.path.split(path)
    # The draft is not executable before it is complete: libvirt runs all
    # that is in its hook folder and executable.
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
