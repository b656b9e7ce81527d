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

"""Fixtures: small deployments whose databases are never synced to disk."""

import contextlib
import logging
import subprocess
import sys
import types

import pytest
import sqlalchemy as sa

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import krbd
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.engine import start_opening
from rbd_mon_fix.qemu import processes
from rbd_mon_fix.qemu import qemu_user
from tests.unit import worlds
from tests.unit.stores import places


def do_not_sync(connection, record):
    connection.execute('PRAGMA synchronous = OFF')


@pytest.fixture(autouse=True)
def nothing_is_synced():
    sa.event.listen(sa.engine.Engine, 'connect', do_not_sync)
    yield
    sa.event.remove(sa.engine.Engine, 'connect', do_not_sync)


class _WhileHandling(logging.Handler):
    """Collects warnings that are logged while an exception is handled."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        if sys.exc_info()[1] is not None:
            self.messages.append(record.getMessage())


@pytest.fixture(autouse=True)
def no_text_is_logged_twice():
    """oslo.log appends the exception that is being handled to a warning."""
    handler = _WhileHandling()
    logger = logging.getLogger('rbd_mon_fix')
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    assert handler.messages == []


@pytest.fixture(autouse=True)
def opened_as_this_process():
    """Let no test depend on the libvirt and the ceph.conf of this machine.

    It does not take the tests' own monkeypatch, which would then be undone
    only after all other fixtures.
    """
    def read(user, path):
        raise exceptions.ConfigError(f'Cannot read {path}: none here.')

    def user(context, host):
        raise exceptions.ConfigError('Not in a unit test.')

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start_opening, 'qemu_user', types.SimpleNamespace(
            QemuUser=qemu_user.QemuUser, read=read, PROGRAMS=()))
        patch.setattr(start_opening, 'qemu_on_host', types.SimpleNamespace(
            CONF=qemu_on_host.CONF, user=user))
        yield


@pytest.fixture
def nova(tmp_path):
    made = places.NovaPlace(f'sqlite:///{tmp_path}/cell')
    yield made
    made.close()


@pytest.fixture
def cinder(tmp_path):
    made = places.CinderPlace(f'sqlite:///{tmp_path}/cinder')
    yield made
    made.close()


@pytest.fixture
def alone(monkeypatch):
    """Make this machine look free of guests and mapped images."""
    monkeypatch.setattr(krbd, 'devices', lambda: iter(()))
    monkeypatch.setattr(processes, 'running', list)


@pytest.fixture
def world(tmp_path, nova, cinder, alone):
    """Return a deployment with both databases on other machines."""
    return worlds.World(tmp_path, nova, cinder)


@pytest.fixture
def namespaces():
    """Start processes in namespaces of their own.

    :param kind: unshare's option: ``--mount`` or ``--net``

    The script, which mounts what the process sees, must end before the ID of
    the process is returned.
    """
    with contextlib.ExitStack() as stack:
        def start(script, kind='--mount'):
            process = stack.enter_context(subprocess.Popen(
                ['unshare', kind, 'sh', '-ec',
                 f'{script}\necho ready\nexec cat'], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE))
            stack.callback(process.stdin.close)
            if process.stdout.readline() != 'ready\n':
                pytest.skip(f'no namespaces here: {process.stderr.read()}')
            return process.pid
        yield start
