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

"""A cloud whose documents suffer faults, and are put back after each."""

from __future__ import annotations

import pathlib
import shutil
from typing import Mapping

import sqlalchemy as sa

from tests.cloud import building
from tests.cloud import shape
from tests.functional import operator

# Part of every password in the cloud.
CANARY = 'sesame'
SERVERS = (
    shape.Server('one', (shape.stale('one'),), shape.ALPHA.old),
    shape.Server('two', (shape.stale('two', shape.BETA),
                         shape.Volume('iscsi', None, ()))),
)
REFRESH = ('refresh', '--host', 'cmp1')
# Libvirt's knowledge of QEMU, which never changes.
_CACHE = 'cache'


class Subject:
    """A cloud on SQLite with an installed hook, and an operator.

    :param cloud: built of ``SERVERS``
    """

    def __init__(self, cloud: building.Cloud):
        self.cloud = cloud
        self.folder = cloud.folder
        self.admin = operator.Operator(cloud)
        hooks = self.folder / 'libvirt-etc' / 'hooks' / 'qemu.d'
        hooks.parent.parent.mkdir()
        with cloud.config_file.open('a') as config:
            config.write(f'[hook]\ndir = {hooks}\n')
        done = self.admin.run('hook', 'install')
        assert done.code == 0, done.err
        self._saved = self.folder.with_name(self.folder.name + '-saved')
        self._save()
        self.stale = self.documents()
        done = self.admin.run(*REFRESH)
        assert done.code == 0, done.err
        self.right = self.documents()
        assert self.right.keys() == self.stale.keys()
        self.restore()

    @property
    def databases(self) -> tuple[pathlib.Path, ...]:
        """Return the files of all databases."""
        return tuple(map(pathlib.Path, self.cloud.databases.names))

    def documents(self) -> Mapping[str, str]:
        """Return every document, read without the tool and libvirt."""
        found = {}
        for url, table in (
                (self.cloud.databases.cell, 'block_device_mapping'),
                (self.cloud.databases.cinder, 'volume_attachment')):
            engine = sa.create_engine(url)
            with engine.connect() as connection:
                found.update({f'{table} {key}': text for key, text
                              in connection.execute(sa.text(
                                  f'SELECT id, connection_info FROM {table}'))
                              if text is not None})
            engine.dispose()
        for path in self.cloud.libvirt_root.rglob('*.xml'):
            if _CACHE not in path.parts:
                found[str(path.relative_to(self.folder))] = path.read_text()
        return found

    def judge(self) -> int:
        """Check that no document is lost or half written.

        :returns: the number of documents that are already right
        """
        found = self.documents()
        assert found.keys() == self.stale.keys()
        for name, text in found.items():
            assert text in (self.stale[name], self.right[name]), name
        return sum(text == self.right[name] != self.stale[name]
                   for name, text in found.items())

    def restore(self) -> None:
        """Put everything back as it was before the first fault."""
        for path in self.folder.iterdir():
            if path != self.cloud.libvirt_root:
                _remove(path)
        for path in self.cloud.libvirt_root.iterdir():
            if path.name != _CACHE:
                _remove(path)
        shutil.copytree(self._saved / 'folder', self.folder, symlinks=True,
                        dirs_exist_ok=True)
        for path in self.databases:
            for left in path.parent.glob(path.name + '-*'):
                left.unlink()
            shutil.copyfile(self._saved / path.name, path)

    def _save(self) -> None:
        self._saved.mkdir()
        shutil.copytree(self.folder, self._saved / 'folder', symlinks=True,
                        ignore=shutil.ignore_patterns(_CACHE))
        for path in self.databases:
            shutil.copyfile(path, self._saved / path.name)


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
