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

"""Putting the script into libvirt's hook folder, and taking it out."""

from __future__ import annotations

import contextlib
import enum
import fcntl
import os
import pathlib
import stat
from typing import Callable, Iterator

from rbd_mon_fix import exceptions
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.state import atomic_file

NAME = '50-rbd-mon-fix'
KNOWLEDGE = 'rbd-mon-fix.json'

_MARK = b'# Copyright The rbd-mon-fix authors\n'
_SOURCE = pathlib.Path(__file__).with_name('script.py')


class ScriptState(str, enum.Enum):
    """What stands where the script belongs."""

    CURRENT = 'current'
    OUTDATED = 'outdated'
    MISSING = 'missing'
    FOREIGN = 'foreign'


class Installation:
    """The hook in one folder.

    :param folder: where libvirt looks for hooks of QEMU guests, mostly
        /etc/libvirt/hooks/qemu.d
    """

    def __init__(self, folder: str):
        self.folder = os.path.abspath(folder)
        self.script = os.path.join(self.folder, NAME)
        # Beside the folder: in it, libvirt would warn of it as of a script
        # that cannot be run. All that may read hooks may read it there.
        self.knowledge = os.path.join(os.path.dirname(self.folder), KNOWLEDGE)

    @property
    def state(self) -> ScriptState:
        """Return what stands where the script belongs.

        :raises ConfigError: it cannot be read
        """
        with _explained(self.script):
            try:
                status = os.lstat(self.script)
            except (FileNotFoundError, NotADirectoryError):
                return ScriptState.MISSING
            if not stat.S_ISREG(status.st_mode):
                return ScriptState.FOREIGN
            content = pathlib.Path(self.script).read_bytes()
        if _MARK not in content:
            return ScriptState.FOREIGN
        if (content != _SOURCE.read_bytes()
                or stat.S_IMODE(status.st_mode) != 0o755):
            return ScriptState.OUTDATED
        return ScriptState.CURRENT

    @property
    def installed(self) -> bool:
        """Tell whether a script of ours is there, of whatever version."""
        return self.state in (ScriptState.CURRENT, ScriptState.OUTDATED)

    def install(self) -> None:
        """Put the script there; one that is current is not touched.

        :raises Refused: something else has its name
        :raises ConfigError: the folder cannot be written
        """
        if self._checked() is ScriptState.CURRENT:
            return
        base = os.path.dirname(os.path.dirname(self.folder))
        if not os.path.isdir(base):
            raise exceptions.ConfigError(
                f'There is no folder {base}.',
                "Is libvirt on this host? Say where its hooks are with "
                '--hook-dir.')
        with _explained(self.script):
            os.makedirs(self.folder, mode=0o755, exist_ok=True)
            atomic_file.replace(self.script, _SOURCE.read_bytes(), 0o755)

    def remove(self) -> None:
        """Take the script away, and what it knows.

        :raises Refused: something else has its name
        :raises ConfigError: the folder cannot be written
        """
        self._checked()
        for path in (self.script, self.knowledge):
            with _explained(path), contextlib.suppress(FileNotFoundError,
                                                       NotADirectoryError):
                os.unlink(path)

    def known(self) -> tuple[tuple[knowledge.Known, ...], str]:
        """Return what the hook knows, and when that was written.

        :raises Gone: there is no such file
        :raises Unreadable: nobody can tell what is in it
        """
        try:
            return knowledge.loads(pathlib.Path(self.knowledge).read_bytes())
        except FileNotFoundError as error:
            raise exceptions.Gone(f'There is no {self.knowledge}.') from error
        except OSError as error:
            raise exceptions.Unreadable(
                f'it cannot be read: {error.strerror}') from error

    def teach(self, lesson: Callable[
            [tuple[knowledge.Known, ...]], tuple[knowledge.Known, ...]],
            written: str) -> None:
        """Replace what the hook knows.

        :param lesson: is given what it knew, none where that is lost
        :param written: when, ISO 8601
        :raises ConfigError: the folder cannot be written
        """
        with _explained(self.knowledge), _locked(self.folder):
            try:
                before, _ = self.known()
            except (exceptions.Gone, exceptions.Unreadable):
                before = ()
            atomic_file.replace(
                self.knowledge, knowledge.dumps(lesson(before), written),
                0o644)

    def _checked(self) -> ScriptState:
        state = self.state
        if state is ScriptState.FOREIGN:
            raise exceptions.Refused(
                f'{self.script} is not from rbd-mon-fix.',
                'Nothing was changed. Look at it, and move it away if it may '
                'go.')
        return state


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Keep other runs from changing the folder's files in the block."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise exceptions.ConfigError(
            f'The hook {path} cannot be worked on: {error.strerror}.',
            'Run as root on the compute host, or give another folder with '
            '--hook-dir.') from error
