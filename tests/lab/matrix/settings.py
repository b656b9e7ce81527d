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

"""The settings of Nova and Cinder that the matrix needs in addition."""

from __future__ import annotations

import pathlib
import secrets

from lab import inside
from lab.openstack import cinder
from lab.openstack import cloud
from lab.openstack import nova

MARK = '# the matrix'
# Resizes on one host; shelved servers that stay on their host; servers that
# are deleted softly; many tiny servers on a small host.
NOVA = '''\
[DEFAULT]
allow_resize_to_same_host = true
shelved_offload_time = -1
reclaim_instance_interval = 604800
cpu_allocation_ratio = 1000
ram_allocation_ratio = 100
disk_allocation_ratio = 1000
'''
KEYS = '''\
[key_manager]
backend = {project}.keymgr.conf_key_mgr.ConfKeyManager
fixed_key = {key}
'''
RESTARTED = ('nova-api', 'nova-conductor', 'nova-scheduler', 'nova-compute',
             'cinder-api', 'cinder-volume')


def apply(lab: inside.Lab) -> None:
    """Add the settings and restart the services, unless that was done."""
    if MARK in pathlib.Path(nova.CONF).read_text():
        return
    key = secrets.token_hex(32)
    for path, text in (
            (nova.CONF, NOVA + KEYS.format(project='nova', key=key)),
            (nova.COMPUTE_CONF, NOVA + KEYS.format(project='nova', key=key)),
            (cinder.CONF, KEYS.format(project='cinder', key=key))):
        with open(path, 'a') as conf:
            # oslo.config merges sections of the same name.
            conf.write(f'{MARK}\n{text}')
    for name in RESTARTED:
        lab.services.stop(name)
    cloud.start(lab.services, lab.hosts())
