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

"""Guests to define, and changes to apply to them."""

from __future__ import annotations

import os
import uuid as uuid_module

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change

_WORKER = os.environ.get('PYTEST_XDIST_WORKER', 'gw0').replace('gw', '')


def vnc_ports(driver: int) -> str:
    """Return settings with VNC ports that no other driver of the tests uses.

    Two drivers could find the same port free, because QEMU takes it only
    some time later.

    :param driver: 0 for the driver in this process, 1 for a daemon
    """
    first = 5900 + 100 * int(_WORKER) + 50 * driver
    return (f'remote_display_port_min = {first}\n'
            f'remote_display_port_max = {first + 49}\n')


QEMU_CONF = f'''user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
{vnc_ports(0)}'''
NEW = (MonAddr('fd00::1', 6789), MonAddr('10.0.0.2', 3300),
       MonAddr('mon-c', None))
SECRET = 'bd341dc4-82ce-4fa7-a378-7a6e331821fb'
VOLUME = 'ff6e2e76-9b3c-46dc-91bd-777d948998ac'
HOSTS = "<host name='127.0.0.21' port='6789'/><host name='127.0.0.22'/>"
AUTH = (f"<auth username='cinder'><secret type='ceph' uuid='{SECRET}'/>"
        '</auth>')
NOVA = ("<metadata><nova:instance xmlns:nova="
        "'http://openstack.org/xmlns/libvirt/nova/1.1'>"
        '<nova:name>s1</nova:name></nova:instance></metadata>')

PLAIN = f'''<disk type='network' device='disk'>
  <driver name='qemu' type='raw'/>
  <source protocol='rbd' name='vms/x'>{HOSTS}</source>
  <target dev='vda' bus='virtio'/></disk>'''
FULL = f'''<disk type='network' device='disk' snapshot='external'>
  <driver name='qemu' type='raw' cache='none' discard='unmap'/>{AUTH}
  <source protocol='rbd' name='volumes/volume-{VOLUME}'>
    <host name='fd00::21' port='6789'/>
    <snapshot name='snap1'/><config file='/etc/ceph/a.conf'/>
    <encryption format='luks'><secret type='passphrase' uuid='{VOLUME}'/>
    </encryption></source>
  <target dev='vdb' bus='virtio'/><serial>{VOLUME}</serial>
  <alias name='ua-{VOLUME}'/></disk>'''
CHAIN = f'''<disk type='network' device='disk'>
  <driver name='qemu' type='qcow2'/>
  <source protocol='rbd' name='vms/top'>{HOSTS}{AUTH}</source>
  <backingStore type='network'><format type='qcow2'/>
    <source protocol='rbd' name='vms/base'>{HOSTS}</source>
    <backingStore/></backingStore>
  <target dev='vdc' bus='virtio'/></disk>'''
SOCKET = '''<disk type='network' device='disk'>
  <driver name='qemu' type='raw'/>
  <source protocol='rbd' name='vms/s'>
    <host transport='unix' socket='/s'/></source>
  <target dev='vdd' bus='virtio'/></disk>'''
# Replaces the end tag of <os>; since libvirt 8.5.
NVRAM = f"""<loader readonly='yes' type='pflash'>/OVMF_CODE.fd</loader>
<nvram type='network' format='raw'>
  <source protocol='rbd' name='vms/g_VARS'>
    <host name='10.9.9.9' port='6789'/>{AUTH}</source></nvram></os>
<features><acpi/></features>"""
VNC = "<graphics type='vnc' autoport='yes' passwd='s3cret'/>"


def guest(*devices, name='g', uuid=None, metadata=''):
    return f'''<domain type='qemu'><name>{name}</name>
<uuid>{uuid or uuid_module.uuid4()}</uuid>{metadata}
<memory>65536</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
{''.join(devices)}</devices></domain>'''


def change(record, monitors=NEW):
    document = record.document
    return Change(record, document.edited(
        {disk.key: document.spell(disk, monitors)
         for disk in document.disks}), ())
