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

import itertools
import pathlib
import shutil
from typing import Mapping, Sequence

import sqlalchemy as sa

from tests.cloud import building
from tests.cloud import shape
from tests.functional import operator
from tests.functional import secrets

# Part of every password and key in the cloud.
CANARY = 'sesame'
# Base64, as it is.
_KEY = 2 * CANARY
SERVERS = (
    shape.Server('one', (shape.stale('one'),), shape.ALPHA.old),
    shape.Server('two', (shape.stale('two', shape.BETA),
                         shape.Volume('iscsi', None, ()))),
)
REFRESH = ('refresh', '--host', 'cmp1')
# Libvirt's knowledge of QEMU, which never changes.
_CACHE = 'cache'


class Subject:
    """A cloud with an installed hook, and an operator.

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
        for ceph in (shape.ALPHA, shape.BETA):
            secrets.define(cloud.libvirt_root, ceph.secret_uuid, _KEY)
        self._saved = self.folder.with_name(self.folder.name + '-saved')
        shutil.copytree(self.folder, self._saved, symlinks=True,
                        ignore=shutil.ignore_patterns(_CACHE))
        self.stale = self.documents()
        done = self.admin.run(*REFRESH)
        assert done.code == 0, done.err
        self.right = self.documents()
        assert self.right.keys() == self.stale.keys()
        self.restore()

    @property
    def _tables(self) -> Sequence[tuple[str, str]]:
        databases = self.cloud.databases
        return ((databases.cell, 'block_device_mapping'),
                (databases.cinder, 'volume_attachment'))

    def documents(self) -> Mapping[str, str]:
        """Return every document, read without the tool and libvirt."""
        found = {}
        for url, table in self._tables:
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
        """Check that no list of monitors is lost or half written.

        A disk whose cluster is not known, because a file cannot be read, is
        left alone; the others of its domain are not.

        :returns: the number of documents that were changed
        """
        found = self.documents()
        assert found.keys() == self.stale.keys()
        for name, text in found.items():
            assert is_whole(text, self.stale[name], self.right[name]), name
        return sum(text != self.stale[name] for name, text in found.items())

    def restore(self) -> None:
        """Put everything back as it was before the first fault."""
        for path in self.folder.iterdir():
            if path != self.cloud.libvirt_root:
                _remove(path)
        for path in self.cloud.libvirt_root.iterdir():
            if path.name != _CACHE:
                _remove(path)
        shutil.copytree(self._saved, self.folder, symlinks=True,
                        dirs_exist_ok=True)
        for url, table in self._tables:
            self._restore(url, table)

    def _restore(self, url: str, table: str) -> None:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            keys = connection.execute(sa.text(
                f'SELECT id FROM {table} '
                'WHERE connection_info IS NOT NULL')).scalars().all()
            for key in keys:
                connection.execute(
                    sa.text(f'UPDATE {table} SET connection_info = :text '
                            'WHERE id = :key'),
                    {'key': key, 'text': self.stale[f'{table} {key}']})
        engine.dispose()


def is_whole(text: str, stale: str, right: str) -> bool:
    """Return whether each list in a document is the stale or the right one.

    :param right: differs from the stale text in the lines of lists alone
    """
    lines = [each.splitlines(True) for each in (text, stale, right)]
    if len({*map(len, lines)}) != 1:
        return text in (stale, right)
    lists = itertools.groupby(zip(*lines), lambda row: row[1] == row[2])
    return all(mine in (before, after) for mine, before, after in (
        zip(*rows) for _, rows in lists))


def complaints(subject: Subject, fault: object, done: operator.Answer,
               silent: bool) -> list[tuple[object, ...]]:
    """Return what is wrong after a fault.

    :param done: what the command said
    :param silent: whether the process had no chance to say anything
    """
    try:
        _check(subject, done, silent)
    except AssertionError as error:
        return [(fault, done, str(error))]
    return []


def _check(subject: Subject, done: operator.Answer, silent: bool) -> None:
    """Check what a fault left, and that the next run puts all right."""
    said = done.out + done.err
    assert 'Traceback' not in said and 'Crashed' not in said
    assert CANARY not in said
    written = subject.judge()
    if written and not silent:
        runs = sorted((subject.folder / 'journal' / 'runs').glob('*.jsonl'))
        assert runs and runs[-1].stem in said
    for path in (subject.folder / 'journal').rglob('*'):
        assert path.is_dir() or CANARY not in path.read_text()
    again = subject.admin.run(*REFRESH)
    assert again.code == 0, again
    assert subject.documents() == subject.right


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
