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

"""Finding QEMU processes, with stand-in processes of our own."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import socket
import subprocess
import time

import psutil
import pytest

from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import processes

UUID = '11111111-2222-4333-8444-555555555555'


@contextlib.contextmanager
def qemu(port, *arguments):
    """Run a process that is named like QEMU and has a connection."""
    with socket.create_connection(('127.0.0.1', port)) as link:
        process = subprocess.Popen(
            ['qemu-system-x86_64', '-c', 'read line', '-uuid', UUID,
             *arguments], executable='/bin/sh', stdin=subprocess.PIPE,
            pass_fds=[link.fileno()])
    with process:
        # The kernel shows no command line before the exec is complete.
        while not psutil.Process(process.pid).cmdline():
            time.sleep(0.001)
        yield process
        process.stdin.close()


@pytest.fixture
def server():
    with socket.create_server(('127.0.0.1', 0)) as opened:
        yield opened.getsockname()[1]


def found(pid):
    return [guest for guest in processes.running() if guest.pid == pid]


def test_a_guest_and_its_connections(server):
    image = 'rbd:vms/disk:mon_host=192.0.2.1'
    with qemu(server, '-drive', f'file={image},id=d') as process:
        guest, = found(process.pid)
    assert guest.instance == UUID
    assert [disk.image for disk in guest.disks] == ['vms/disk']
    assert guest.peers == {MonAddr.parse(f'127.0.0.1:{server}')}


def test_two_guests_of_a_network_namespace_share_a_table(server,
                                                         monkeypatch):
    read = []
    table = processes._table
    monkeypatch.setattr(processes, '_table', lambda folder: (
        read.append(folder), table(folder))[1])
    with qemu(server) as one, qemu(server) as two:
        monkeypatch.setattr(psutil, 'pids', lambda: [one.pid, two.pid])
        guests = processes.running()
    assert [len(guest.peers) for guest in guests] == [1, 1]
    assert len(read) == 1


def test_other_processes_are_no_guests():
    assert found(os.getpid()) == []


def listing(monkeypatch, *pids):
    """List processes that all have the command line of a guest."""
    monkeypatch.setattr(psutil, 'pids', lambda: pids)
    monkeypatch.setattr(
        processes, '_argv', lambda pid: ['qemu-kvm', '-uuid', UUID])
    return processes.running()


@pytest.mark.parametrize('error', [
    FileNotFoundError, PermissionError, ProcessLookupError,
    OSError(errno.EIO, 'Input/output error')])
def test_processes_that_have_ended_or_are_hidden(monkeypatch, error):
    def unreadable(pid):
        raise error
    monkeypatch.setattr(psutil, 'pids', lambda: [1])
    monkeypatch.setattr(processes, '_argv', unreadable)
    assert processes.running() == []


def test_a_process_that_ends_before_its_sockets_are_read(monkeypatch):
    assert listing(monkeypatch, 2 ** 30) == []


def test_a_process_that_ends_before_its_command_line_is_read(monkeypatch):
    monkeypatch.setattr(psutil, 'pids', lambda: [2 ** 30])
    assert processes.running() == []


def test_sockets_that_we_may_not_read(monkeypatch):
    def denied(path):
        raise PermissionError
    monkeypatch.setattr(os, 'readlink', denied)
    assert listing(monkeypatch, os.getpid()) == [
        Guest(os.getpid(), UUID, (), None)]


def test_a_process_that_ends_before_its_table_is_read(monkeypatch):
    def gone(folder):
        raise FileNotFoundError
    monkeypatch.setattr(processes, '_table', gone)
    guest, = listing(monkeypatch, os.getpid())
    assert guest.peers is None


DEEP = '{"file":' * 3000 + '1' + '}' * 3000


@pytest.mark.parametrize('word', [
    DEEP, 'a' + '.a' * 5000 + '=1',
    'driver=rbd,pool=p,image=i,server.\u00b2.host=192.0.2.1',
    b'driver=rbd,pool=\xff,image=i'])
def test_a_process_of_anybody_does_not_hide_the_others(server, word):
    image = 'file=rbd:vms/disk:mon_host=192.0.2.1,id=d'
    with qemu(server, '-blockdev', word) as odd, \
            qemu(server, '-drive', image) as good:
        guests = {guest.pid: guest for guest in processes.running()}
    assert [disk.image for disk in guests[good.pid].disks] == ['vms/disk']
    assert {disk.image for disk in guests[odd.pid].disks} <= {'p/i'}


def test_a_command_line_that_is_too_long(server, monkeypatch, caplog):
    monkeypatch.setattr(processes, '_MAX_COMMAND_LINE', 1000)
    caplog.set_level('DEBUG')
    with qemu(server, '-drive', 'x' * 1000) as odd, qemu(server) as good:
        pids = {guest.pid for guest in processes.running()}
    assert good.pid in pids
    assert odd.pid not in pids
    assert f'Leaving out process {odd.pid}: ' in caplog.text


def test_a_file_that_is_closed_meanwhile(tmp_path, monkeypatch):
    for name in '12':
        (tmp_path / name).symlink_to(f'socket:[{name}]')
    (tmp_path / '3').symlink_to('/dev/null')
    real = os.readlink

    def readlink(path):
        if pathlib.Path(path).name == '1':
            raise FileNotFoundError
        return real(path)

    monkeypatch.setattr(os, 'readlink', readlink)
    assert list(processes._inodes(tmp_path)) == ['2']


def test_a_machine_without_ipv6(tmp_path):
    (tmp_path / 'tcp').write_text('head\n')
    assert processes._table(tmp_path) == {}


def test_a_table_that_is_garbage(tmp_path):
    (tmp_path / 'tcp').write_bytes(b'head\n\xff' * 10)
    assert processes._table(tmp_path) == {}


@pytest.mark.parametrize('function', ['_argv', '_table'])
def test_guests_are_not_left_out_for_want_of_descriptors(server, monkeypatch,
                                                         function):
    def full(*args):
        raise OSError(errno.EMFILE, 'Too many open files')

    with qemu(server):
        monkeypatch.setattr(processes, function, full)
        with pytest.raises(OSError, match='Too many'):
            processes.running()
