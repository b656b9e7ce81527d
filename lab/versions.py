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

"""The versions of the lab's packages."""

from __future__ import annotations

from lab import services

PACKAGES = {
    'ceph': ('ceph-mon', 'libvirt-daemon', 'qemu-system-x86'),
    'openstack': ('nova-compute', 'cinder-volume', 'keystone', 'glance-api',
                  'placement-api', 'neutron-server', 'mariadb-server',
                  'rabbitmq-server'),
}


def table(level: str) -> str:
    """Return the versions for a level and the levels below, one per line."""
    names = [name for part, packages in PACKAGES.items() for name in packages
             if level == 'openstack' or part == 'ceph']
    return services.run(
        'dpkg-query', '--show', '--showformat',
        '${binary:Package} ${source:Version}\\n', *names).rstrip()
