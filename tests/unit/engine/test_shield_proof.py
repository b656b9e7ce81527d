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

"""As which user, and in which mounts, a shield is proven."""

from __future__ import annotations

import functools
import os
import shutil

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import shield_proof
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.qemu import qemu_user

CAPABILITIES = '''<capabilities><host><secmodel><model>dac</model>
<baselabel type='kvm'>+64055:+108</baselabel></secmodel></host>
</capabilities>'''
# This process, whose files are those of the test, is a daemon.
OURS = daemon.Daemon('libvirtd', os.getpid(), 0.0)
DAEMONS = (OURS, daemon.Daemon('virtqemud', 8, 0.0))


@pytest.fixture
def host(world, monkeypatch):
    world.write_nova_conf(host='cmp1')
    world.domains().capabilities = lambda: CAPABILITIES
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    monkeypatch.setattr(qemu_user, 'knows_override', lambda user: True)
    monkeypatch.setattr(qemu_on_host, 'CONF',
                        str(world.folder / 'ceph.conf'))
    return world


def prover(world, **options):
    return shield_proof.ShieldProver(
        world.context(**options), 'cmp1', str(world.folder / 'ceph.conf'),
        engine.Limits(), reporting.SILENCE)


@pytest.mark.parametrize('count', [0, 1])
def test_the_user_and_the_mounts(host, monkeypatch, count):
    monkeypatch.setattr(daemon, 'running', lambda: iter(DAEMONS[:count]))
    assert prover(host)._by == qemu_user.QemuUser(
        OURS.pid if count else None, (64055, 108))


def test_several_daemons(host, monkeypatch):
    monkeypatch.setattr(daemon, 'running', lambda: iter(DAEMONS))
    with pytest.raises(exceptions.ConfigError,
                       match=r'libvirtd \d+, virtqemud 8'):
        prover(host)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('unshare'),
                    reason='needs root and unshare')
def test_a_daemon_in_another_network(host, monkeypatch, namespaces):
    """It belongs to a machine within this one, whose processes show here."""
    other = daemon.Daemon('libvirtd', namespaces('true', '--net'), 0.0)
    monkeypatch.setattr(daemon, 'running', lambda: iter((other, OURS)))
    assert prover(host)._by.daemon == OURS.pid
    # The only one, as in a container with a network of its own.
    monkeypatch.setattr(daemon, 'running', lambda: iter((other,)))
    assert qemu_on_host.user(host.context(), 'cmp1').daemon == other.pid
    # One that has just ended may have been of this machine.
    gone = daemon.Daemon('libvirtd', 2 ** 22 + 1, 0.0)
    for several in ((gone, OURS), (other, other)):
        monkeypatch.setattr(daemon, 'running',
                            functools.partial(iter, several))
        with pytest.raises(exceptions.ConfigError, match='Several libvirt'):
            prover(host)


def test_a_libvirt_without_a_daemon(host, monkeypatch):
    monkeypatch.setattr(daemon, 'running', lambda: iter(DAEMONS))
    host.shared = host.domains()
    found = qemu_on_host.user(
        host.context(libvirt_uri='qemu:///embed?root=/x'), '')
    assert found == qemu_user.QemuUser(None, (64055, 108))


def test_only_root_can_prove(host, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    with pytest.raises(exceptions.ConfigError, match='Only root'):
        prover(host)


@pytest.mark.parametrize('knows, refused', [
    (True, False), (None, False), (False, True)])
def test_a_librados_that_does_not_know_the_option(
        host, monkeypatch, knows, refused):
    monkeypatch.setattr(daemon, 'running', lambda: iter(()))
    monkeypatch.setattr(qemu_user, 'knows_override', lambda user: knows)
    if refused:
        with pytest.raises(exceptions.ConfigError, match=r'15\.2\.8'):
            prover(host)
    else:
        prover(host)


def test_a_daemon_that_reads_another_file(host, monkeypatch):
    monkeypatch.setattr(daemon, 'running', lambda: iter((OURS,)))
    monkeypatch.setattr(qemu_on_host, 'CONF',
                        str(host.folder / 'cinder.conf'))
    with pytest.raises(exceptions.ConfigError, match='does not read'):
        prover(host)


def test_what_a_daemon_has_mounted(monkeypatch, tmp_path):
    """/proc is a mount point of each process."""
    monkeypatch.setattr(daemon, 'running', lambda: iter((OURS,)))
    monkeypatch.setattr(qemu_on_host, 'CONF', '/proc')
    link = tmp_path / 'link'
    link.symlink_to('/proc')
    assert qemu_on_host.is_mounted(str(link))
    assert qemu_on_host._has_mounted(OURS.pid, str(link))
    assert not qemu_on_host.is_mounted(str(tmp_path))
    gone = daemon.Daemon('libvirtd', 2 ** 22 + 1, 0.0)
    monkeypatch.setattr(daemon, 'running', lambda: iter((gone,)))
    assert not qemu_on_host.is_mounted(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('unshare'),
                    reason='needs root and unshare')
@pytest.mark.parametrize('how, is_read, is_mounted', [
    # Kolla copies the file when the container starts.
    ('mount -t tmpfs none {etc}; cp {host}/ceph.conf {etc}/', False, False),
    ('mount -t tmpfs none {etc}', False, False),
    ('mount -t tmpfs none {etc}; ln -s ceph.conf {etc}/ceph.conf', False,
     False),
    ('mount --bind {host} {etc}', True, False),
    # A charm's file is a link; podman's -v mounts what it leads to.
    ('mount --bind {host}/link {etc}/ceph.conf', True, True),
    ('mount --bind {host}/ceph.conf {etc}/ceph.conf', True, True)])
def test_a_daemon_in_a_container(namespaces, monkeypatch, tmp_path, how,
                                 is_read, is_mounted):
    etc, outside = tmp_path / 'etc', tmp_path / 'host'
    for folder in (etc, outside):
        folder.mkdir()
        (folder / 'ceph.conf').write_text('[global]\n')
    (outside / 'link').symlink_to('ceph.conf')
    process = namespaces(how.format(etc=etc, host=outside))
    monkeypatch.setattr(qemu_on_host, 'CONF', str(etc / 'ceph.conf'))
    monkeypatch.setattr(daemon, 'running', lambda: iter(
        [daemon.Daemon('libvirtd', process, 0.0)]))
    path = str(outside / 'ceph.conf')
    assert qemu_on_host.is_read_by(process, path) is is_read
    assert qemu_on_host.is_mounted(path) is is_mounted
