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

"""Find monitors with only a ceph.conf, as librados does."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import socket
from typing import Optional
import uuid

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import dns
from rbd_mon_fix.ceph import ini as ceph_ini
from rbd_mon_fix.ceph import mon_host
from rbd_mon_fix.ceph import override_block
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap

# librados's defaults: src/common/options, id and mon_dns_srv_name.
_DEFAULT_USER = 'admin'
_DEFAULT_SERVICE = 'ceph-mon'

_Sections = dict[str, dict[str, str]]


@dataclasses.dataclass(frozen=True)
class CephConf:
    """The settings of a ceph.conf for one client.

    :param path: the file
    :param fsid: in lower case; None if it is not set
    :param settings: the settings of the client's sections, by normalized
        key, without those that ``shield`` wrote
    :param mon_addrs: ``mon addr`` of each monitor with a section
    :param has_override: whether anything, ``shield`` included, makes librados
        ignore ``mon_host``
    :param text: the whole file, which may hold keys
    """

    path: str
    fsid: Optional[str]
    settings: dict[str, str]
    mon_addrs: dict[str, str]
    has_override: bool
    text: str = dataclasses.field(default='', repr=False)

    @property
    def mon_host(self) -> str:
        """Return the list of monitors that librados reads first, or ''."""
        return (self.settings.get(override_block.KEY)
                or self.settings.get('mon_host', ''))

    def monmap(self) -> MonMap:
        """Return the monitors, with names resolved to addresses.

        The sources and their order are those of MonMap::build_initial in
        src/mon/MonMap.cc: ``mon_host_override``, ``mon_host``, monitor
        sections, DNS. The block of ``shield`` is a copy of the list that is
        wanted here, so it does not count.

        :raises ConfigError: no monitors found; librados would fail too
        """
        for key in (override_block.KEY, 'mon_host'):
            text = self.settings.get(key, '')
            try:
                if text:
                    return MonMap(mon_host.parse(text))
            except ValueError as e:
                raise exceptions.ConfigError(
                    f'Invalid {key} in {self.path}: {e}.',
                    f'Correct {key} (for example: "192.0.2.1 192.0.2.2"), or '
                    'give the right monitors with --monitors-file.') from e
        return MonMap(self._from_sections() or self._from_dns())

    def _from_sections(self) -> tuple[Monitor, ...]:
        """Read ``[mon.x] mon addr``, skipping invalid addresses."""
        vectors = []
        for _name, addr in sorted(self.mon_addrs.items()):
            try:
                vectors.append(mon_host.parse_addr(addr))
            except ValueError:
                continue
        return mon_host.monitors(vectors)

    def _from_dns(self) -> tuple[Monitor, ...]:
        """Read the SRV records that ``mon_dns_srv_name`` names."""
        name = self.settings.get('mon_dns_srv_name') or _DEFAULT_SERVICE
        service, _underscore, domain = name.partition('_')
        query = '.'.join(filter(None, (f'_{service}', '_tcp', domain)))
        try:
            monitors = mon_host.monitors(
                mon_host.ambiguous(self._address(record.target), record.port)
                for record in dns.services(query))
        except (exceptions.ConfigError, OSError) as e:
            raise exceptions.ConfigError(
                f'{self.path} names no monitors: it has neither mon_host nor '
                f'a [mon.x] section with mon addr, and the DNS lookup failed '
                f'({e}).', 'Set mon_host in that file, or give the right '
                'monitors with --monitors-file.') from e
        return monitors

    def _address(self, target: str) -> str:
        """Look up the first address of Ceph's configured address family."""
        ipv6 = self.settings.get('ms_bind_ipv6', '').lower() in ('true', '1')
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        answer = socket.getaddrinfo(target, None, family, socket.SOCK_STREAM)
        return str(answer[0][4][0])


def default_path(cluster: str) -> str:
    """Return librados's default path of a cluster's ceph.conf."""
    return f'/etc/ceph/{cluster}.conf'


def cluster_of(path: str) -> str:
    """Return the cluster name that librados derives from a path.

    This follows md_config_t::get_cluster_name in src/common/config.cc.
    """
    name = pathlib.PurePath(path)
    return name.stem if name.suffix == '.conf' else 'ceph'


def load(path: str, cluster: str = 'ceph',
         user: Optional[str] = None) -> CephConf:
    """Read a ceph.conf for a client.

    :param path: the file
    :param cluster: the value of ``$cluster``
    :param user: cephx user without ``client.``; None for ``admin``
    :raises ConfigError: the file is missing, unreadable, empty or malformed
    """
    try:
        text = pathlib.Path(path).read_text(encoding='utf-8')
        sections = override_block.outside(text)
        everything = ceph_ini.parse(text)
    except OSError as e:
        raise exceptions.ConfigError(
            f'Cannot read {path}: {e.strerror}.',
            'Name the right ceph.conf in the config of Cinder or Nova, check '
            'its permissions, or use --monitors-file.') from e
    except ValueError as e:
        raise exceptions.ConfigError(
            f'{path} is not a valid ceph.conf: {e}.',
            'Correct the file, or use --monitors-file.') from e
    if not any(everything.values()):
        raise exceptions.ConfigError(
            f'{path} has no settings.', 'Set at least mon_host in it, or '
            'name the right ceph.conf in the config of Cinder or Nova.')
    return dataclasses.replace(
        _conf(path, sections, everything, cluster, user or _DEFAULT_USER),
        text=text)


def _conf(path: str, sections: _Sections, everything: _Sections,
          cluster: str, user: str) -> CephConf:
    meta = {'cluster': cluster, 'type': 'client', 'id': user,
            'name': f'client.{user}',
            'host': socket.gethostname().split('.')[0]}
    order = ('global', 'client', f'client.{user}')
    settings = _settings(sections, order, meta)
    mon_addrs = {
        name[4:]: _settings(sections, ('global', 'mon', name), meta).get(
            'mon_addr', '')
        for name in sections if name.startswith('mon.') and name != 'mon.'}
    return CephConf(
        path, _fsid(path, settings), settings, mon_addrs,
        bool(_settings(everything, order, meta).get(override_block.KEY)))


def _settings(sections: _Sections, order: tuple[str, ...],
              meta: dict[str, str]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for name in order:
        merged.update(sections.get(name, {}))
    return {key: _expanded(value, meta) for key, value in merged.items()}


def _expanded(value: str, meta: dict[str, str]) -> str:
    """Expand metavariables; leave unknown ones unchanged."""
    return re.sub(r'\$(\w+)|\$\{(\w+)\}',
                  lambda m: meta.get(m[1] or m[2], m[0]), value)


def _fsid(path: str, settings: dict[str, str]) -> Optional[str]:
    text = settings.get('fsid')
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError as e:
        raise exceptions.ConfigError(
            f'The fsid in {path} is not a UUID.',
            'Set the fsid that "ceph fsid" prints, or remove it.') from e
