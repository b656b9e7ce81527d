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

"""Selection and order of the config files of Nova and Cinder."""

from __future__ import annotations

import dataclasses
import os
from typing import Sequence

from rbd_mon_fix import exceptions

ETC = '/etc'


@dataclasses.dataclass(frozen=True)
class Program:
    """The program of a service, as oslo.config knows it.

    Without --config-file and --config-dir, a program reads the file of its
    project, its own file, and then the ``*.conf`` in the folder of each
    (find_config_files and find_config_dirs in oslo_config/cfg.py).
    nova/config.py and cinder/cmd/volume.py keep this default.

    :param project: nova, for example
    :param name: nova-compute, for example
    """

    project: str
    name: str

    @property
    def files(self) -> list[str]:
        """Return the files that the program reads by default."""
        return [os.path.join(ETC, self.project, f'{name}.conf')
                for name in (self.project, self.name)]

    @property
    def folders(self) -> list[str]:
        """Return the folders that the program reads by default."""
        return [f'{path}.d' for path in self.files]


NOVA = Program('nova', 'nova-compute')
CINDER = Program('cinder', 'cinder-volume')


def in_order(program: Program, files: Sequence[str],
             folders: Sequence[str]) -> tuple[str, ...]:
    """Return the files to read; later ones override earlier ones.

    If the user names files, the default folders are not read, because they
    may belong to another installation. Empty names are ignored.

    :param files: named by the user, or the defaults, which may be missing
    :param folders: named by the user, or the defaults, which may be missing
    :raises ConfigError: a folder that the user named is missing, or a
        folder cannot be read
    """
    found = list(filter(None, files))
    if list(files) == program.files:
        found = list(filter(_exists, files))
    elif list(folders) == program.folders:
        folders = ()
    for folder in filter(None, folders):
        found += _drop_ins(program, folder, list(folders) == program.folders)
    return tuple(os.path.abspath(os.path.expanduser(path)) for path in found)


def left_out(program: Program, read: Sequence[str]) -> tuple[str, ...]:
    """Return unread config files beside those that were read.

    :param read: the result of ``in_order``
    """
    found: list[str] = []
    for folder in dict.fromkeys(map(os.path.dirname, read)):
        paths = [os.path.join(folder, os.path.basename(path))
                 for path in program.files]
        found += filter(os.path.isfile, paths)
        for path in paths:
            found += _drop_ins(program, f'{path}.d', may_be_missing=True)
    return tuple(path for path in found if path not in read)


def _drop_ins(program: Program, folder: str,
              may_be_missing: bool) -> list[str]:
    """Return the files of a folder as oslo.config's glob finds them."""
    hint = f'Name the right folders with --{program.project}-config-dir.'
    folder = os.path.expanduser(folder)
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        if may_be_missing:
            return []
        raise exceptions.ConfigError(
            f'The config folder {folder} does not exist.', hint) from None
    except OSError as error:
        raise exceptions.ConfigError(
            f'The config folder {folder} cannot be read: {error.strerror}.',
            f'Run as a user who may read it. {hint}') from None
    return [os.path.join(folder, name) for name in sorted(names)
            if name.endswith('.conf') and not name.startswith('.')]


def _exists(path: str) -> bool:
    """Tell whether a file exists; an inaccessible file counts as existing."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # reading the file reports the error
    return True
