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
import socket
from typing import Callable, Iterator, Mapping, Optional, Sequence, TypeVar

from oslo_config import cfg
from oslo_config import types
from oslo_utils import netutils

from rbd_mon_fix.conf import ini
from rbd_mon_fix.model import secret as secret_model

_Registration = tuple[Optional[str], cfg.Opt]
_Value = TypeVar('_Value')

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

# As in cinder/volume/driver.py; it may hold passwords of other drivers.
_REPLICATION = 'replication_device'
_REPLICATION_OPT = cfg.MultiOpt(_REPLICATION, item_type=types.Dict(),
                                secret=True)

# Where cinder/volume/drivers/rbd.py looks for the ceph.conf of a replica.
_SYSCONFDIR = '/etc/ceph/'


@dataclasses.dataclass(frozen=True)
class Replica:
    """A cluster to which a backend may fail over, with the same pool.

    :param name: the backend_id, which Cinder passes to librados as the name
        of the cluster
    :param secret_uuid: None if Cinder uses the fsid of the cluster
    """

    name: str
    conf: str
    user: Optional[str]
    secret_uuid: Optional[str]


@dataclasses.dataclass(frozen=True)
class CinderBackend:
    """A Cinder backend that stores its volumes in RBD.

    :param name: the section; '' if [DEFAULT] describes the only backend
    :param ceph_conf: path; '' if librados searches its default paths
    :param user: None without cephx
    :param secret_uuid: None if Cinder uses the cluster's fsid
        (_set_default_secret_uuid, since Victoria; older releases use none)
    :param host: the host part of ``volumes.host``; None if not set, so that
        Cinder uses the name of cinder-volume's machine
    """

    name: str
    ceph_conf: str
    cluster_name: str
    user: Optional[str]
    secret_uuid: Optional[str]
    pool: str
    host: Optional[str] = None
    replicas: tuple[Replica, ...] = ()


@dataclasses.dataclass(frozen=True)
class CinderConf:
    """The options of cinder.conf that rbd-mon-fix needs.

    :param database_connection: URL with a password; None if not set
    :param backends: backends with the RBD driver, in the order of the file
    """

    database_connection: Optional[str] = dataclasses.field(repr=False)
    backends: tuple[CinderBackend, ...]


def load(paths: Sequence[str]) -> CinderConf:
    """Read cinder.conf.

    :param paths: the files; later ones override earlier ones
    :raises ConfigError: a file is missing, unreadable or malformed
    """
    conf = ini.read(paths, 'cinder', _common())
    names = [name for name in ini.values(conf, 'enabled_backends') if name]
    host = ini.stated(conf, 'host') or None
    database = ini.value(conf, 'connection', 'database') or None
    # References resolve only to registered options, and the sections whose
    # options have to be registered are known only now.
    conf = ini.read(paths, 'cinder', [
        *_common(), *(opt for name in names for opt in _of_section(name))])
    # Without enabled_backends, Cinder before Ocata reads the backend from
    # [DEFAULT] (cinder/cmd/volume.py).
    backends = [_backend(conf, name, host) for name in names or ['']]
    return CinderConf(
        database_connection=database,
        backends=tuple(backend for backend in backends if backend))


def _common() -> list[_Registration]:
    """Return the options outside the sections of backends.

    Some are included only because other options refer to them
    (cinder/common/config.py).
    """
    return [
        (None, cfg.StrOpt('host', default=socket.gethostname())),
        (None, cfg.StrOpt('my_ip', default=netutils.get_my_ipv4())),
        (None, cfg.StrOpt('state_path', default='/var/lib/cinder')),
        (None, cfg.StrOpt('storage_availability_zone', default='nova')),
        (None, cfg.ListOpt('enabled_backends')),
        ('database', cfg.StrOpt('connection', secret=True)),
        *((group, cfg.StrOpt(name, default=default))
          for group in (None, _SHARED)
          for name, default in _DEFAULTS.items()),
        (None, _REPLICATION_OPT), (_SHARED, _REPLICATION_OPT)]


def _of_section(name: str) -> list[_Registration]:
    """Return the options of a backend's section.

    They have no default here: the value of the shared section applies
    (BackendGroupConfiguration in cinder/volume/configuration.py).
    """
    own: list[cfg.Opt] = [cfg.StrOpt('backend_host')]
    if name != _SHARED:
        own += [*map(cfg.StrOpt, _DEFAULTS), _REPLICATION_OPT]
    return [(name, opt) for opt in own]


def _backend(conf: cfg.ConfigOpts, name: str,
             host: Optional[str]) -> Optional[CinderBackend]:
    options = {option: _option(ini.value, conf, name, option) or ''
               for option in _DEFAULTS}
    if not options['volume_driver'].endswith('RBDDriver'):
        return None
    # Only the section's own value counts (_launch_service in
    # cinder/cmd/volume.py).
    own_host = ini.value(conf, 'backend_host', name) if name else None
    user = options['rbd_user'] or None
    secret = secret_model.canonical(options['rbd_secret_uuid'])
    return CinderBackend(
        name=name,
        ceph_conf=options['rbd_ceph_conf'],
        cluster_name=options['rbd_cluster_name'],
        user=user,
        secret_uuid=secret,
        pool=options['rbd_pool'],
        host=own_host or host,
        replicas=tuple(_replicas(conf, name, user, secret)))


def _replicas(conf: cfg.ConfigOpts, section: str, user: Optional[str],
              secret: Optional[str]) -> Iterator[Replica]:
    """Read the replicas as Cinder does.

    See cinder/volume/drivers/rbd.py, _parse_replication_configs.

    :param user: the user of the backend itself
    :param secret: the secret UUID of the backend itself
    """
    for keys in _option(ini.mappings, conf, section, _REPLICATION) or ():
        if 'backend_id' not in keys:
            raise ini.invalid(conf, _REPLICATION, section,
                              'Add the backend_id, without which Cinder does '
                              'not start the backend.')
        name = keys['backend_id']
        yield Replica(
            name=name,
            conf=keys.get('conf', f'{_SYSCONFDIR}{name}.conf'),
            user=keys.get('user', user or 'cinder') or None,
            secret_uuid=secret_model.canonical(
                keys.get('secret_uuid', secret)))


def _option(read: Callable[[cfg.ConfigOpts, str, Optional[str]],
                           Optional[_Value]],
            conf: cfg.ConfigOpts, section: str,
            option: str) -> Optional[_Value]:
    """Look up an option as cinder/volume/configuration.py does."""
    if not section:
        return read(conf, option, None)
    own = read(conf, option, section)
    return read(conf, option, _SHARED) if own is None else own
