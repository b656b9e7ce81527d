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

"""What the operator asked for, checked against what the site has."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Sequence

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import parser
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.inventory import instances as rosters

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Request:
    """What the operator asked for, checked.

    :param hosts: the compute hosts
    :param instances: only these servers; empty for all
    :param stores: only these kinds of copy, those the site has
    """

    hosts: tuple[str, ...]
    instances: tuple[str, ...]
    stores: tuple[str, ...]
    unmanaged: bool


def of(command: Any, site: contexts.Context,
       roster: rosters.Roster) -> Request:
    """Check the arguments of a command.

    :raises ConfigError: they do not go together, or ask for a store that is
        not at hand here
    """
    hosts = _hosts(command, site, roster)
    return Request(hosts, tuple(command.instance),
                   _available(command.store, site, hosts), command.unmanaged)


def _hosts(command: Any, site: contexts.Context,
           roster: rosters.Roster) -> tuple[str, ...]:
    if command.host and command.all_hosts:
        raise exceptions.ConfigError(
            '--host and --all-hosts exclude each other.',
            'Give one of them.')
    if command.host:
        return tuple(dict.fromkeys(command.host))
    if command.all_hosts or not site.has_openstack:
        return tuple(roster.hosts())
    raise exceptions.ConfigError(
        'No host was given.', 'Give --host H, or --all-hosts.')


def _available(wanted: Sequence[str], site: contexts.Context,
               hosts: Sequence[str]) -> tuple[str, ...]:
    """Return the stores to look at, and refuse what cannot be had."""
    lacking = {}
    if site.cells is None:
        lacking['nova-bdm'] = 'nova.conf gives no [database] connection'
    if site.cinder_database is None:
        lacking['cinder-attachment'] = (
            'cinder.conf gives no [database] connection')
    unrescue = _why_no_unrescue(site, hosts)
    if unrescue:
        lacking['unrescue'] = unrescue
    for name in wanted:
        if name in lacking:
            raise exceptions.ConfigError(
                f'Store {name} is not at hand here: {lacking[name]}.',
                'Run it where that can be had, or leave the store out.')
    if site.has_openstack and not wanted:
        for name, why in lacking.items():
            # Controllers never have it.
            say = LOG.debug if name == 'unrescue' else LOG.warning
            say('%s is not looked at: %s.', name, why)
    return tuple(name for name in parser.STORES
                 if name in wanted or not wanted and name not in lacking)


def _why_no_unrescue(site: contexts.Context, hosts: Sequence[str]) -> str:
    """Say why the files of rescued servers are not at hand; or ''."""
    if site.nova is None:
        return 'there is no nova.conf'
    if site.own_host not in hosts:
        return f'this is host {site.own_host}'
    if not os.path.isdir(site.nova.instances_path):
        return f'there is no folder {site.nova.instances_path}'
    return ''
