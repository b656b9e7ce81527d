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

"""State, installation and removal of the script in libvirt's hook folder."""

from __future__ import annotations

import contextlib
import enum
import os
import pathlib
import stat
from typing import Callable, Iterator

from rbd_mon_fix import exceptions
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.state import atomic_file
from rbd_mon_fix.state import private_folder

NAME = '50-rbd-mon-fix'
KNOWLEDGE = 'rbd-mon-fix.json'
OPTION = '--hook-dir'

_MARK = b'# Copyright The rbd-mon-fix authors\n'
_SOURCE = pathlib.Path(__file__).with_name('script.py')


class ScriptState(str, enum.Enum):
    """The state of the file at the path of the hook script."""

    CURRENT = 'current'
    OUTDATED = 'outdated'
    MISSING = 'missing'
    FOREIGN = 'foreign'


class Installation:
    """The hook in one directory.

    :param folder: libvirt's directory for hooks of QEMU guests, usually
        /etc/libvirt/hooks/qemu.d
    """

    def __init__(self, folder: str):
        self.folder = os.path.abspath(folder)
        self.script = os.path.join(self.folder, NAME)
        # Beside the directory: libvirt warns about files inside that it
        # cannot run. Anyone who can read hooks can read this file too.
        self.knowledge = os.path.join(os.path.dirname(self.folder), KNOWLEDGE)

    @property
    def state(self) -> ScriptState:
        """Compare the installed script with ours.

        :raises ConfigError: the installed script cannot be read, or other
            users could alter it
        """
        with _explained(self.script):
            try:
                status = os.lstat(self.script)
                if not stat.S_ISREG(status.st_mode):
                    return ScriptState.FOREIGN
                content = _read(self.script)
            except (FileNotFoundError, NotADirectoryError):
                return ScriptState.MISSING
        if _MARK not in content:
            return ScriptState.FOREIGN
        if (content != _SOURCE.read_bytes()
                or stat.S_IMODE(status.st_mode) != 0o755):
            return ScriptState.OUTDATED
        return ScriptState.CURRENT

    @property
    def installed(self) -> bool:
        """Tell whether any version of our script is installed."""
        return self.state in (ScriptState.CURRENT, ScriptState.OUTDATED)

    def install(self) -> None:
        """Install the script, unless the installed one is current.

        :raises Refused: a file of that name is not ours
        :raises ConfigError: the directory cannot be written
        """
        if self._checked() is ScriptState.CURRENT:
            return
        base = os.path.dirname(os.path.dirname(self.folder))
        if not os.path.isdir(base):
            raise exceptions.ConfigError(
                f'The directory {base} does not exist.',
                'Check that libvirt is installed on this host, or name its '
                'hook directory with --hook-dir.')
        with _explained(self.script):
            with private_folder.opened(self.folder, OPTION,
                                       create=0o755) as folder:
                atomic_file.replace(
                    folder, NAME, _SOURCE.read_bytes(), 0o755)

    def remove(self) -> None:
        """Remove the script and its knowledge file.

        :raises Refused: a file of that name is not ours
        :raises ConfigError: the directory cannot be written
        """
        self._checked()
        for path in (self.script, self.knowledge):
            with _explained(path), contextlib.suppress(FileNotFoundError,
                                                       NotADirectoryError):
                _remove(path)

    def known(self) -> tuple[tuple[knowledge.Known, ...], str]:
        """Return the clusters that the hook knows, and when they were written.

        :raises Gone: there is no knowledge file
        :raises Unreadable: the file cannot be read, or is damaged
        :raises ConfigError: other users could alter the file
        """
        try:
            return knowledge.loads(_read(self.knowledge))
        except FileNotFoundError as error:
            raise exceptions.Gone(
                f'{self.knowledge} does not exist.') from error
        except OSError as error:
            raise exceptions.Unreadable(
                f'cannot read the file: {error.strerror}') from error

    def teach(self, lesson: Callable[
            [tuple[knowledge.Known, ...]], tuple[knowledge.Known, ...]],
            written: str) -> None:
        """Replace the clusters that the hook knows.

        :param lesson: takes the clusters known so far (empty if the file is
            missing or damaged) and returns the new clusters
        :param written: the time, ISO 8601
        :raises ConfigError: the directory cannot be written, or other users
            could alter it
        """
        above, name = os.path.split(self.knowledge)
        with _explained(self.knowledge), \
                private_folder.opened(self.folder, OPTION) as scripts, \
                private_folder.opened(above, OPTION) as folder:
            scripts.lock()
            try:
                before, _ = self.known()
            except (exceptions.Gone, exceptions.Unreadable):
                before = ()
            atomic_file.replace(
                folder, name, knowledge.dumps(lesson(before), written), 0o644)

    def _checked(self) -> ScriptState:
        state = self.state
        if state is ScriptState.FOREIGN:
            raise exceptions.Refused(
                f'{self.script} does not belong to rbd-mon-fix.',
                'Nothing was changed. Inspect the file, and move it away if '
                'it is not needed.')
        return state


def _read(path: str) -> bytes:
    above, name = os.path.split(path)
    with private_folder.opened(above, OPTION) as folder:
        return folder.read(name)


def _remove(path: str) -> None:
    """Remove a file, and drafts of it that killed runs have left."""
    above, name = os.path.split(path)
    with private_folder.opened(above, OPTION) as folder:
        atomic_file.remove_drafts(folder, name)
        folder.remove(name)


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise exceptions.ConfigError(
            f'Cannot access the hook file {path}: {error.strerror}.',
            'Run as root on the compute host, or choose another directory '
            'with --hook-dir.') from error
