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

"""Servers, libvirt, RBD and databases, as set in nova.conf."""

from __future__ import annotations

import dataclasses
import glob
import os
import socket
import sys
from typing import Optional, Sequence

from oslo_config import cfg
from oslo_utils import netutils

from rbd_mon_fix.conf import ini
from rbd_mon_fix.model import secret

# Where distributions install Nova's Python package.
_PACKAGES = '/usr/lib/python3/dist-packages'
_MORE_PACKAGES = '/usr/lib*/python3*/site-packages'

# Names, defaults and meaning as in nova/conf/{netconf,paths,compute,libvirt,
# database}.py; some of [DEFAULT] only because other options refer to them.
# instances_path refers to state_path, whose default here is the one that
# distributions set.
_OPTS = (
    (None, cfg.StrOpt('my_block_storage_ip', default='$my_ip')),
    (None, cfg.StrOpt('my_shared_fs_storage_ip', default='$my_ip')),
    (None, cfg.StrOpt('state_path', default='/var/lib/nova')),
    (None, cfg.StrOpt('instances_path', default='$state_path/instances')),
    ('libvirt', cfg.StrOpt('images_type', default='default')),
    ('libvirt', cfg.StrOpt('images_rbd_pool', default='rbd')),
    ('libvirt', cfg.StrOpt('images_rbd_ceph_conf', default='')),
    ('libvirt', cfg.StrOpt('rbd_user')),
    ('libvirt', cfg.StrOpt('rbd_secret_uuid')),
    ('libvirt', cfg.StrOpt('connection_uri', default='')),
    ('database', cfg.StrOpt('connection', secret=True)),
    ('api_database', cfg.StrOpt('connection', secret=True)),
)


@dataclasses.dataclass(frozen=True)
class NovaConf:
    """The options of nova.conf that rbd-mon-fix needs.

    :param host: None if not set; Nova then uses the host name
    :param connection_uri: '' if Nova uses libvirt's default
    :param database_connection: URL of the cell's database, with a password
    :param api_database_connection: URL of the API database, with a password
    """

    host: Optional[str]
    instances_path: str
    images_type: str
    images_rbd_pool: str
    images_rbd_ceph_conf: str
    rbd_user: Optional[str]
    rbd_secret_uuid: Optional[str]
    connection_uri: str
    database_connection: Optional[str] = dataclasses.field(repr=False)
    api_database_connection: Optional[str] = dataclasses.field(repr=False)


def load(paths: Sequence[str]) -> NovaConf:
    """Read nova.conf.

    :param paths: the files; later ones override earlier ones
    :raises ConfigError: a file is missing, unreadable or malformed
    """
    conf = ini.read(paths, 'nova', (*_detected(), *_OPTS))
    return NovaConf(
        host=ini.stated(conf, 'host') or None,
        instances_path=ini.value(conf, 'instances_path') or '',
        images_type=ini.value(conf, 'images_type', 'libvirt') or '',
        images_rbd_pool=ini.value(conf, 'images_rbd_pool', 'libvirt') or '',
        images_rbd_ceph_conf=ini.value(
            conf, 'images_rbd_ceph_conf', 'libvirt') or '',
        rbd_user=ini.value(conf, 'rbd_user', 'libvirt') or None,
        rbd_secret_uuid=secret.canonical(
            ini.value(conf, 'rbd_secret_uuid', 'libvirt')),
        connection_uri=ini.value(conf, 'connection_uri', 'libvirt') or '',
        database_connection=ini.value(conf, 'connection', 'database') or None,
        api_database_connection=ini.value(
            conf, 'connection', 'api_database') or None)


def _detected() -> list[tuple[None, cfg.Opt]]:
    """Return the options whose defaults Nova detects on its machine."""
    return [(None, cfg.StrOpt('host', default=socket.gethostname())),
            (None, cfg.StrOpt('my_ip', default=netutils.get_my_ipv4())),
            (None, cfg.StrOpt('pybasedir', default=_packages()))]


def _packages() -> str:
    """Return the folder that contains Nova's Python package.

    If Nova is not on this machine (it may run in a container), return the
    distributions' folder; paths below that folder are then not read here.
    """
    folders = (*sys.path, _PACKAGES, *sorted(glob.glob(_MORE_PACKAGES)))
    return next((os.path.abspath(folder) for folder in folders
                 if os.path.isfile(f'{folder}/nova/__init__.py')), _PACKAGES)
