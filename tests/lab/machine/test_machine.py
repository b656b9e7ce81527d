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

"""The lab's machine: starting it, stopping it, and its isolation."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
from typing import Iterator

import psutil
import pytest

from lab import machine

WITHIN = 180
OURS = ('/etc/ceph', '/etc/libvirt', '/var/lib/ceph', '/var/lib/libvirt',
        '/var/log/libvirt', '/var/cache/libvirt', '/etc/hosts')


def run(folder: pathlib.Path, *words: str) -> subprocess.CompletedProcess:
    """Run one of the lab's commands on the lab in this folder."""
    return subprocess.run(
        [sys.executable, '-m', 'lab', '--folder', str(folder), *words],
        cwd=machine.REPOSITORY, text=True, timeout=WITHIN, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def shell(folder: pathlib.Path, *words: str) -> str:
    """Run a command in the lab and return its output."""
    done = run(folder, 'shell', *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def up(folder: pathlib.Path) -> None:
    done = run(folder, 'up')
    assert done.returncode == 0, done.stderr


def inside(folder: pathlib.Path) -> dict[int, psutil.Process]:
    """Return all processes of the lab, keyed by their pids in the lab.

    Those of the second host are among them, though its pids are others.
    """
    first = machine.Machine(folder).first()
    depth = len(_pids_of(first)) - 1
    found = {}
    for process in (first, *first.children(recursive=True)):
        try:
            found[_pids_of(process)[depth]] = process
        except OSError:
            continue
    return found


def _pids_of(process: psutil.Process) -> list[int]:
    """Return the pids of a process, first that of the real machine."""
    told = pathlib.Path(f'/proc/{process.pid}/status').read_text()
    line, = (line for line in told.splitlines() if line.startswith('NSpid:'))
    return [int(word) for word in line.split()[1:]]


def pids(folder: pathlib.Path) -> dict[str, int]:
    """Return the pids of the services and guests, as seen in the lab."""
    found = {path.stem: json.loads(path.read_text())['pid']
             for path in (folder / 'services').glob('*.json')}
    for name in ('plain1', 'plain2'):
        found[name] = int(shell(
            folder, 'cat', f'/run/libvirt/qemu/{name}.pid'))
    return found


def look(*paths: str) -> list[tuple]:
    """Return path, mtime and size of this machine's files below paths."""
    return [(str(path), path.lstat().st_mtime_ns, path.lstat().st_size)
            for top in paths
            for path in (pathlib.Path(top), *pathlib.Path(top).rglob('*'))
            if os.path.lexists(path)]


@pytest.fixture(scope='module')
def before() -> list[tuple]:
    return look(*OURS)


@pytest.fixture(scope='module')
def folder(before: list[tuple], tmp_path_factory: pytest.TempPathFactory
           ) -> Iterator[pathlib.Path]:
    path = tmp_path_factory.mktemp('lab')
    try:
        up(path)
        yield path
    finally:
        run(path, 'down')


def test_up_twice_is_harmless(folder: pathlib.Path):
    once = pids(folder)
    assert {'ceph-osd-0', 'ceph-mgr-x', 'libvirtd', 'plain1'} <= set(once)
    assert len([name for name in once if name.startswith('ceph-mon-')]) == 3
    assert set(once.values()) <= set(inside(folder))
    up(folder)
    assert pids(folder) == once


def test_up_starts_again_what_died(folder: pathlib.Path):
    """All but the OSD: its images are in its memory and die with it."""
    once = pids(folder)
    dead = ('ceph-mon-m192-0-2-12-3300', 'ceph-mgr-x', 'libvirtd', 'plain2')
    known = inside(folder)
    for name in dead:
        known[once[name]].send_signal(signal.SIGKILL)
    for name in dead:
        known[once[name]].wait(30)
    up(folder)
    again = pids(folder)
    assert {name for name in once if once[name] != again[name]} == set(dead)
    assert set(again.values()) <= set(inside(folder))


def test_up_with_another_release(folder: pathlib.Path):
    once = pids(folder)
    done = run(folder, 'up', '--release', 'trixie')
    assert done.returncode == 1
    assert 'up with another release: run lab/down first' in done.stderr
    assert pids(folder) == once


def test_a_release_without_a_root(tmp_path: pathlib.Path):
    done = run(tmp_path, 'up', '--release', 'trixie')
    assert done.returncode == 1
    assert 'no root of trixie' in done.stderr
    assert 'lab/install --release trixie' in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_listens_outside_loopback(folder: pathlib.Path):
    links = json.loads(shell(folder, 'ip', '-json', 'link'))
    assert [link['ifname'] for link in links if 'UP' in link['flags']] == [
        'lo']
    space = shell(folder, 'readlink', '/proc/self/ns/net')
    assert space.strip() != os.readlink('/proc/self/ns/net')
    assert {os.readlink(f'/proc/{process.pid}/ns/net')
            for process in inside(folder).values()} == {space.strip()}


def test_no_second_host_yet(folder: pathlib.Path):
    done = run(folder, 'shell', '--on', 'lab2', 'true')
    assert done.returncode == 1
    assert 'host lab2 is not up: run lab/up --hosts 2' in done.stderr
    assert 'Traceback' not in done.stderr


def test_a_second_host(folder: pathlib.Path):
    """It joins a lab that is up, and is connected to the first host alone."""
    once = pids(folder)
    done = run(folder, 'up', '--hosts', '2')
    assert done.returncode == 0, done.stderr
    assert {name: pid for name, pid in pids(folder).items()
            if name in once} == once
    there = ('shell', '--on', 'lab2')
    assert run(folder, *there, 'uname', '-n').stdout == 'lab2\n'
    assert run(folder, *there, 'cat', '/etc/hostname').stdout == 'lab2\n'
    assert run(folder, *there, 'virsh', 'list', '--all', '--name'
               ).stdout.split() == []
    first, second = (_links(run(folder, 'shell', '--on', host, 'ip', '-json',
                                'link').stdout) for host in ('lab', 'lab2'))
    assert (set(first), set(second)) == ({'lo', 'lab2'}, {'lo', 'eth0'})
    assert first['lab2']['link_index'] == second['eth0']['ifindex']
    assert second['eth0']['link_index'] == first['lab2']['ifindex']


def _links(told: str) -> dict[str, dict]:
    return {link['ifname']: link for link in json.loads(told)
            if 'UP' in link['flags']}


def test_what_is_outside_is_untouched(folder: pathlib.Path,
                                      before: list[tuple]):
    assert shell(folder, 'ls', '/etc/ceph', '/var/lib/libvirt/qemu').strip()
    assert look(*OURS) == before


def test_a_service_that_does_not_come_up(folder: pathlib.Path):
    conf = '/etc/libvirt/libvirtd.conf'
    kept = str(folder / 'tmp' / 'libvirtd.conf')
    shell(folder, 'cp', conf, kept)
    shell(folder, 'sh', '-c', f'echo broken >> {conf}')
    inside(folder)[pids(folder)['libvirtd']].send_signal(signal.SIGKILL)
    done = run(folder, 'up')
    assert done.returncode == 1
    assert 'libvirtd ended' in done.stderr
    assert 'libvirtd.conf' in done.stderr.split('the end of')[1]
    assert 'Traceback' not in done.stderr
    shell(folder, 'mv', kept, conf)
    up(folder)


def test_a_scenario_that_is_late_says_how_the_cloud_is(
        folder: pathlib.Path, tmp_path: pathlib.Path):
    scenario = tmp_path / 'test_late.py'
    scenario.write_text('from lab import services\n'
                        'def test_late(lab):\n'
                        '    services.wait_for(lambda: False, 0.1)\n')
    done = run(folder, 'shell', 'python', '-m', 'pytest', '-p',
               'tests.lab.scenarios.conftest', '-c', os.devnull,
               str(scenario))
    assert done.returncode == 1, done.stderr
    told = done.stdout.split('the cloud', 1)[1]
    for seen in ('ceph-osd-0 runs', 'health:', 'plain1'):
        assert seen in told, seen


def test_down(folder: pathlib.Path):
    """The last test of the module, because no other test can run after it."""
    known = inside(folder)
    assert set(pids(folder).values()) <= set(known)
    assert run(folder, 'down').returncode == 0
    assert [process for process in known.values()
            if process.is_running()] == []
    _is_not_up(folder)
    assert run(folder, 'down').returncode == 0


def test_not_up(tmp_path: pathlib.Path):
    assert run(tmp_path, 'down').returncode == 0
    _is_not_up(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_of_another(tmp_path: pathlib.Path):
    (tmp_path / 'log').mkdir()
    (tmp_path / 'log' / 'precious').write_text('kept')
    done = run(tmp_path, 'up')
    assert done.returncode == 1
    assert f'{tmp_path} is not a lab folder' in done.stderr
    assert 'Traceback' not in done.stderr
    assert (tmp_path / 'log' / 'precious').read_text() == 'kept'
    assert [path.name for path in tmp_path.rglob('*')] == ['log', 'precious']


def _is_not_up(folder: pathlib.Path) -> None:
    for words in (('shell', 'true'), ('move-monitors',)):
        done = run(folder, *words)
        assert done.returncode == 1
        assert f'the lab in {folder} is not up: run lab/up' in done.stderr
