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

"""The libvirtd of each host of the lab."""

from __future__ import annotations

import uuid

from lab import hosts
from lab import services

URI = 'qemu:///system'
# Guests are emulated: KVM may be present but unusable.
QEMU_CONF = '''\
user = "root"
group = "root"
security_driver = "none"
security_default_confined = 0
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
'''
LIBVIRTD_CONF = '''\
# The lab's own
auth_unix_rw = "none"
host_uuid = "{uuid}"
# For live migrations.
listen_tls = 0
listen_tcp = 1
listen_addr = "{address}"
auth_tcp = "none"
'''
_OURS = LIBVIRTD_CONF.partition('\n')[0]
SECRET = '''\
<secret ephemeral='no' private='no'>
  <uuid>{uuid}</uuid>
  <usage type='ceph'><name>{name}</name></usage>
</secret>
'''


def start(running: services.Services,
          on: hosts.Host = hosts.FIRST) -> None:
    """Start libvirtd."""
    folder = on.path('/etc/libvirt')
    (folder / 'qemu.conf').write_text(QEMU_CONF)
    conf = folder / 'libvirtd.conf'
    # The package may have brought one; ours keeps its UUID.
    if not conf.exists() or not conf.read_text().startswith(_OURS):
        conf.write_text(LIBVIRTD_CONF.format(
            uuid=uuid.uuid4(), address=on.address))
    running.start(on.service(services.Service(
        'libvirtd', ('libvirtd', '--listen'),
        lambda: virsh('version', on=on))))


def keep_key(name: str, secret: str, key: str,
             on: hosts.Host = hosts.FIRST) -> None:
    """Store a cephx key as a libvirt secret, as operators do.

    :param secret: the UUID that disks refer to
    :param key: base64
    """
    virsh('secret-define', '--file', '/dev/stdin',
          stdin=SECRET.format(uuid=secret, name=name), on=on)
    virsh('secret-set-value', secret, '--file', '/dev/stdin', stdin=key,
          on=on)


def virsh(*words: str, stdin: str = '',
          on: hosts.Host = hosts.FIRST) -> str:
    """Run virsh on a host and return its output."""
    return on.run('virsh', '--connect', URI, *words, stdin=stdin)
