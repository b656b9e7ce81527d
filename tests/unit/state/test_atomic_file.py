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

"""Replacing files atomically."""

from __future__ import annotations

import os
import stat

import pytest

from rbd_mon_fix.state import atomic_file


@pytest.mark.parametrize('umask', [0o000, 0o077])
@pytest.mark.parametrize('mode', [0o600, 0o644, 0o755])
def test_a_new_file_has_the_mode(tmp_path, umask, mode):
    path = tmp_path / 'file'
    before = os.umask(umask)
    try:
        atomic_file.replace(str(path), b'new', mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == b'new'
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_reader_keeps_the_old_content(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'the old one')
    with path.open('rb') as reader:
        atomic_file.replace(str(path), b'new', 0o644)
        assert reader.read() == b'the old one'
    assert path.read_bytes() == b'new'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('call', ['write', 'fsync', 'fchmod', 'replace'])
@pytest.mark.parametrize('error', [OSError('no room'), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_alone(
        tmp_path, monkeypatch, call, error):
    def fail(*args, **kwargs):
        raise error

    path = tmp_path / 'file'
    path.write_bytes(b'old')
    if call == 'write':
        monkeypatch.setattr(os, 'fdopen', fdopen_that_cannot_write(fail))
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        atomic_file.replace(str(path), b'new', 0o644)
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def fdopen_that_cannot_write(fail):
    opened = os.fdopen

    def fdopen(number, mode):
        return Unwritable(opened(number, mode), fail)
    return fdopen


class Unwritable:
    """A file on a full disk."""

    def __init__(self, file, fail):
        self._file = file
        self.write = fail

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        self._file.close()


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_file.replace(str(tmp_path / 'none' / 'file'), b'', 0o644)
