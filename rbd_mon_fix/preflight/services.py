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

"""Checks of databases, Nova's API and libvirt."""

from __future__ import annotations

import functools
from typing import Any, Callable, Iterator, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.preflight import runner
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works

_MAY_UPDATE = 'Reachable, schema known, may be updated (tried, taken back).'


def checks(site: contexts.Context, hosts: Sequence[str]) -> Iterator[Check]:
    """Yield a line for each service that runs on these hosts need."""
    yield from _nova(site, hosts)
    yield _service('database', "Cinder's", lambda: _cinder(site),
                   'cinder.conf gives no [database] connection.')
    yield _service('api', "Nova's", lambda: _api(site),
                   'There are no credentials for it.')
    for host in hosts:
        yield runner.tried('libvirt', host or 'this machine',
                             functools.partial(_libvirt, site, host))


def _service(check: str, subject: str, act: Callable[[], str],
             without: str) -> Check:
    found = runner.tried(check, subject, act)
    return found if found.finding else runner.not_asked(
        check, subject, without)


def _nova(site: contexts.Context, hosts: Sequence[str]) -> Iterator[Check]:
    overall = _service('database', "Nova's", lambda: _hosts(site),
                       'nova.conf gives no [database] connection.')
    yield overall
    if overall.works is not Works.YES:
        return
    for host in filter(None, hosts):
        yield runner.tried('database', f"Nova's cell of {host}",
                             functools.partial(_cell, site, host))


def _hosts(site: contexts.Context) -> str:
    if site.cells is None:
        return ''
    return f'Reachable, schema known; {len(site.cells.hosts())} hosts.'


def _cell(site: contexts.Context, host: str) -> str:
    cell = site.cells.of_host(host)
    if cell is None:
        raise contexts.unknown_host(host, site.cells.hosts())
    cell.where(['none'])
    cell.block_device(-1)
    cell.rehearse()
    return _MAY_UPDATE


def _cinder(site: contexts.Context) -> str:
    cinder = site.cinder_database
    if cinder is None:
        return ''
    cinder.volumes(['none'])
    cinder.attachments(ids=['none'])
    cinder.rehearse()
    return _MAY_UPDATE


def _api(site: contexts.Context) -> str:
    api = site.api
    return '' if api is None else f'Reachable; {len(api.hosts())} hosts.'


def _libvirt(site: contexts.Context, host: str) -> str:
    hypervisor: Any = site.hypervisor(host)
    libvirt, driver = hypervisor.versions()
    count = len(hypervisor.domains())
    if not hypervisor.may_define():
        raise exceptions.Unreachable(
            f'Libvirt {libvirt} answers, but lets us read only.',
            'Use a --libvirt-uri, and a user, that may write.')
    return f'Libvirt {libvirt} with {driver}, {count} domains; may define.'
