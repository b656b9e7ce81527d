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

"""Every child process: its environment, and errors in starting it."""

from __future__ import annotations

import ast
import errno
import os
import pathlib
import resource
import subprocess

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.ceph import history
from rbd_mon_fix.clients import qemu_img
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user

PACKAGE = pathlib.Path(client.__file__).parents[1]
STARTERS = ('Popen', 'run', 'call', 'check_call', 'check_output', 'system',
            'popen', 'create_subprocess_exec', 'create_subprocess_shell',
            'posix_spawn', 'execve', 'fork')
MODULES = ('subprocess', 'os', 'asyncio')

CASE = open_check.Case('vms/web', (), None, None)
ADMIN = commands.Administrator('ceph', Way('', None, None), 'admin')
CHILDREN = {
    'ceph/client.py': [
        ('ceph', lambda: client.mon_dump('', None, None)),
        ('ceph', lambda: list(history.epochs(Way('', None, None), [1]))),
        ('ceph', lambda: ADMIN.run([('ceph',)], lambda *told: told))],
    'qemu/open_check.py': [
        ('qemu-img', lambda: open_check.prove([CASE], 5, 1, print))],
    'qemu/qemu_user.py': [('qemu-img', lambda: qemu_user.knows_override(
        qemu_user.QemuUser()))],
    'clients/qemu_img.py': [('qemu-img', qemu_img.rbd)],
}
ALL = [each for found in CHILDREN.values() for each in found]
IDS = ('mon-dump', 'history', 'commands', 'open-check', 'option-check',
       'driver')

# Each has a canary in it.
HOSTILE = ('OS_PASSWORD', 'OS_TOKEN', 'OS_DATABASE__CONNECTION', 'LD_PRELOAD',
           'LD_LIBRARY_PATH', 'LD_AUDIT', 'PYTHONPATH', 'PYTHONSTARTUP',
           'PYTHONHOME', 'QEMU_AUDIO_DRV', 'CEPH_ARGS', 'CEPH_CONF',
           'CEPH_KEYRING', 'MYSQL_PWD', 'PGPASSWORD', 'https_proxy', 'LANG',
           'LC_MESSAGES', 'IFS', 'ENV', 'BASH_ENV', 'GCONV_PATH')


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that puts a program on the PATH."""
    def put(name):
        path = tmp_path / name
        path.write_text('#!/bin/sh\n/bin/cat /proc/$$/environ > '
                        f'{tmp_path}/environ\n')
        path.chmod(0o755)
        return tmp_path / 'environ'
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    return put


def starts(path):
    """Return whether a module calls a function that starts a process."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr in STARTERS
        and isinstance(node.func.value, (ast.Name, ast.Attribute))
        and ast.unparse(node.func.value).split('.')[0] in MODULES
        and ast.unparse(node.func) != 'asyncio.run'
        for node in ast.walk(ast.parse(path.read_text())))


def test_no_child_is_forgotten():
    assert sorted(str(path.relative_to(PACKAGE)) for path in
                  PACKAGE.rglob('*.py') if starts(path)) == sorted(CHILDREN)


@pytest.mark.parametrize('name, act', ALL, ids=IDS)
def test_its_environment(program, monkeypatch, name, act):
    environ = program(name)
    for variable in HOSTILE:
        monkeypatch.setenv(variable, 'CANARY')
    monkeypatch.setenv('HOME', '/root')
    try:
        act()
    except exceptions.RbdMonFixError:
        pass  # the program answers nothing
    found = dict(word.split('=', 1) for word in
                 environ.read_text().split('\0') if word)
    assert 'CANARY' not in ''.join(found.values())
    assert found['HOME'] == '/root'
    assert found['LC_ALL'] == 'C'
    assert set(found) <= {'HOME', 'LC_ALL', 'LOGNAME', 'PATH', 'TMPDIR', 'TZ',
                          'USER', 'PYTHONUNBUFFERED'}


def exhausted(*arguments, **options):
    raise OSError(errno.EMFILE, 'Too many open files')


@pytest.mark.parametrize('name, act', ALL, ids=IDS)
def test_no_descriptor_is_left(program, monkeypatch, name, act):
    """Installing the program would not help."""
    program(name)
    monkeypatch.setattr(subprocess.Popen, '_get_handles', exhausted)
    with pytest.raises(OSError) as caught:
        act()
    assert caught.value.errno == errno.EMFILE


def test_no_descriptor_is_left_in_earnest(program):
    program('ceph')
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptor = os.open('/dev/null', os.O_RDONLY)
    os.close(descriptor)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor, before[1]))
        with pytest.raises(OSError, match='Too many open files'):
            client.mon_dump('', None, None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
