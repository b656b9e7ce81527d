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

from __future__ import annotations

import math
import os
import subprocess
import time

import psutil
import pytest

from rbd_mon_fix.hook import daemon


class Process:
    """The part of psutil.Process that is used."""

    def __init__(self, pid: int, name: str, gone: bool = False):
        self.pid = pid
        self._name = name
        self._gone = gone

    def name(self) -> str:
        if self._gone:
            raise psutil.NoSuchProcess(self.pid)
        return self._name

    def create_time(self) -> float:
        return psutil.boot_time() + 5


@pytest.mark.parametrize('started, calls', [
    (9.0, False), (10.0, False), (10.01, False), (10.1, True), (99.0, True)])
def test_a_daemon_calls_hooks_that_it_saw_when_it_started(started, calls):
    assert daemon.Daemon('libvirtd', 1, started).calls_hooks(10.0) is calls


@pytest.mark.parametrize('name, found', [
    ('libvirtd', True), ('virtqemud', True), ('virtlogd', False)])
def test_readers(tmp_path, monkeypatch, name, found):
    script = tmp_path / 'script'
    script.touch()
    monkeypatch.setattr(daemon, 'FOLDER', str(tmp_path))
    monkeypatch.setattr(psutil, 'process_iter', lambda: iter(
        [Process(1, 'libvirtd', gone=True), Process(os.getpid(), name)]))
    assert [(each.name, each.pid) for each
            in daemon.readers(str(script))] == (
        [(name, os.getpid())] if found else [])


def test_running(monkeypatch):
    """One that ends meanwhile is left out."""
    monkeypatch.setattr(psutil, 'process_iter', lambda: iter(
        [Process(1, 'libvirtd', gone=True), Process(2, 'virtqemud'),
         Process(3, 'virtlogd'), Process(4, 'libvirtd')]))
    assert [(each.name, each.pid) for each in daemon.running()] == [
        ('virtqemud', 2), ('libvirtd', 4)]


def test_a_daemon_is_known_to_be_younger_than_a_file(tmp_path, monkeypatch):
    """Both times come from the kernel and are well under a second apart."""
    script = tmp_path / 'script'
    script.touch(0o755)
    written = time.time()
    monkeypatch.setattr(daemon, 'FOLDER', str(tmp_path))
    monkeypatch.setattr(daemon, 'NAMES', ('sleep',))
    with subprocess.Popen(['sleep', '60']) as process:
        began = time.time()
        [found] = [each for each in daemon.readers(str(script))
                   if each.pid == process.pid]
        process.kill()
    grain = daemon._GRAIN
    assert written - grain <= found.started <= began + grain
    assert written - grain <= daemon.first_hook(str(tmp_path)) <= written


def test_a_daemon_with_another_folder(tmp_path, monkeypatch):
    """Such as a daemon in a container."""
    for folder in ('ours', 'theirs'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'script').touch()
    monkeypatch.setattr(daemon, 'FOLDER', str(tmp_path / 'theirs'))
    monkeypatch.setattr(psutil, 'process_iter', lambda: iter(
        [Process(os.getpid(), 'libvirtd')]))
    assert list(daemon.readers(str(tmp_path / 'ours' / 'script'))) == []


def test_first_hook_is_the_oldest_that_can_be_run(tmp_path):
    folder = tmp_path / 'qemu.d'
    folder.mkdir()
    (folder / 'notes').touch()
    (folder / 'guest').mkdir()
    assert daemon.first_hook(str(folder)) == math.inf
    for name in ('b', 'a'):
        (folder / name).touch(0o755)
    assert daemon.first_hook(str(folder)) == os.stat(folder / 'b').st_ctime


@pytest.mark.parametrize('mode, found', [(0o755, True), (0o644, False)])
def test_single_file(tmp_path, mode, found):
    folder = tmp_path / 'qemu.d'
    folder.mkdir()
    (tmp_path / 'qemu').touch()
    (tmp_path / 'qemu').chmod(mode)
    assert daemon.single_file(str(folder)) is found
