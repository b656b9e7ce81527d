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

"""The ceph.conf of this host that has the shield."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Iterator, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import ini
from rbd_mon_fix.ceph import override_block
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.shield import Override
from rbd_mon_fix.state import foreign_file


@dataclasses.dataclass(frozen=True)
class ConfText:
    """A ceph.conf as it was read.

    :param before: the overrides in its block
    """

    path: str
    text: str
    before: tuple[Override, ...]

    def having(self, overrides: tuple[Override, ...]) -> ConfText:
        """Return the text with a block of these overrides, unwritten.

        :param overrides: empty to remove the block
        :raises Refused: the text, or the block in it, cannot be changed
        """
        with explained(self.path):
            return ConfText(self.path, override_block.put(
                self.text, overrides), overrides)

    def write(self, overrides: tuple[Override, ...],
              in_place: bool) -> ConfText:
        """Write a block of these overrides, and return the new text.

        :param overrides: empty to remove the block
        :param in_place: whether something has the file itself mounted
        :raises Conflict: the file has changed; nothing was written
        :raises Refused: the text, or the block in it, cannot be changed
        :raises ConfigError: the file cannot be written
        """
        new = self.having(overrides)
        with explained(self.path):
            foreign_file.swap(self.path, self.text.encode(),
                              new.text.encode(), in_place)
        return new


def read(context: contexts.Context) -> ConfText:
    """Return the ceph.conf that the config names.

    :raises ConfigError: the file cannot be read
    :raises Refused: the file is malformed, or its block was edited
    """
    path = str(context.conf.shield.conf)
    with explained(path):
        text = foreign_file.read(path).decode()
        ini.parse(text)
        found = override_block.find(text)
    return ConfText(path, text, found.overrides if found else ())


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Translate what the file or its text raises."""
    failure: Optional[exceptions.RbdMonFixError] = None
    try:
        yield
    except OSError as error:
        failure = exceptions.ConfigError(
            f'Cannot access {path}: {error.strerror}.',
            'Run as root on the compute host, and name the ceph.conf that '
            'QEMU reads with --shield-conf.')
    except ValueError as error:
        words = ('it is not UTF-8' if isinstance(error, UnicodeDecodeError)
                 else str(error))
        failure = exceptions.Refused(
            f'{path} is left alone: {words}.', 'Nothing was changed. Correct '
            'the file by hand; lines in the block belong elsewhere.')
    if failure:
        raise failure
