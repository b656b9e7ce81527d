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

"""Cinder's RBD backends and database, as set in cinder.conf."""

from __future__ import annotations

import dataclasses
from typing import Mapping, Optional, Sequence

from oslo_config import cfg

from rbd_mon_fix.conf import ini
from rbd_mon_fix.model import secret

_SHARED = 'backend_defaults'

# Names and defaults as in cinder/volume/drivers/rbd.py (RBD_OPTS) and
# cinder/volume/manager.py.
_DEFAULTS: Mapping[str, Optional[str]] = {
    'volume_driver': 'cinder.volume.drivers.lvm.LVMVolumeDriver',
    'rbd_ceph_conf': '',
    'rbd_cluster_name': 'ceph',
    'rbd_user': None,
    'rbd_secret_uuid': None,
    'rbd_pool': 'rbd',
}


@dataclasses.dataclass(frozen=True)
class CinderBackend:
    """A Cinder backend that stores its volumes in RBD.

    :param name: its section; '' if [DEFAULT] describes the only backend
    :param ceph_conf: path; '' if librados searches its default paths
    :param user: None without cephx
    :param secret_uuid: None if Cinder uses the cluster's fsid
        (_set_default_secret_uuid, since Victoria; older releases use none)
    """

    name: str
    ceph_conf: str
    cluster_name: str
    user: Optional[str]
    secret_uuid: Optional[str]
    pool: str


@dataclasses.dataclass(frozen=True)
class CinderConf:
    """The options of cinder.conf that are needed here.

    :param database_connection: URL with a password; None if not set
    :param backends: those with the RBD driver, in the order of the file
    """

    database_connection: Optional[str] = dataclasses.field(repr=False)
    backends: tuple[CinderBackend, ...]


def load(paths: Sequence[str]) -> CinderConf:
    """Read cinder.conf.

    :param paths: the files; later ones override earlier ones
    :raises ConfigError: a file is missing, unreadable or malformed
    """
    conf = ini.read(paths, 'cinder', (
        (None, cfg.ListOpt('enabled_backends')),
        ('database', cfg.StrOpt('connection', secret=True)),
        *((None, cfg.StrOpt(name, default=default))
          for name, default in _DEFAULTS.items()),
        *((_SHARED, cfg.StrOpt(name, default=default))
          for name, default in _DEFAULTS.items())))
    names = [name for name in ini.values(conf, 'enabled_backends') if name]
    # Without enabled_backends, Cinder reads the backend from [DEFAULT]
    # (cinder/cmd/volume.py).
    backends = [_backend(conf, name) for name in names or ['']]
    return CinderConf(
        database_connection=ini.value(conf, 'connection', 'database') or None,
        backends=tuple(backend for backend in backends if backend))


def _backend(conf: cfg.ConfigOpts, name: str) -> Optional[CinderBackend]:
    options = {option: _option(conf, name, option) or ''
               for option in _DEFAULTS}
    if not options['volume_driver'].endswith('RBDDriver'):
        return None
    return CinderBackend(
        name=name,
        ceph_conf=options['rbd_ceph_conf'],
        cluster_name=options['rbd_cluster_name'],
        user=options['rbd_user'] or None,
        secret_uuid=secret.canonical(options['rbd_secret_uuid']),
        pool=options['rbd_pool'])


def _option(conf: cfg.ConfigOpts, section: str,
            option: str) -> Optional[str]:
    """Return an option as cinder/volume/configuration.py looks it up."""
    if not section:
        return ini.value(conf, option)
    conf.register_opt(cfg.StrOpt(option), group=section)
    own = ini.value(conf, option, section)
    return ini.value(conf, option, _SHARED) if own is None else own
