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
from typing import Callable, Iterator, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import places
from rbd_mon_fix.preflight import check as checking
from rbd_mon_fix.preflight import secrets
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works

_MAY_UPDATE = ('Reachable; schema known; user may update (tested and rolled '
               'back).')


def checks(context: contexts.Context, hosts: Sequence[str]) -> Iterator[Check]:
    """Yield a line for each service needed by a run on these hosts."""
    yield from _nova(context, hosts)
    yield _service('database', "Cinder's", lambda: _cinder(context),
                   'cinder.conf gives no [database] connection.')
    yield _service('api', "Nova's", lambda: _api(context),
                   "No credentials for Nova's API are configured.")
    for host in hosts:
        libvirt = checking.tried('libvirt', host or 'this machine',
                                 functools.partial(_libvirt, context, host))
        yield libvirt
        if libvirt.works is Works.YES:
            yield from secrets.checks(context, host)


def _service(check: str, subject: str, act: Callable[[], str],
             without: str) -> Check:
    found = checking.tried(check, subject, act)
    return found if found.finding else checking.not_asked(
        check, subject, without)


def _nova(context: contexts.Context, hosts: Sequence[str]) -> Iterator[Check]:
    overall = _service('database', "Nova's", lambda: _hosts(context),
                       'nova.conf gives no [database] connection.')
    yield overall
    if overall.works is not Works.YES:
        return
    for host in filter(None, hosts):
        yield checking.tried('database', f"Nova's cell of {host}",
                             functools.partial(_cell, context, host))


def _hosts(context: contexts.Context) -> str:
    if context.cells is None:
        return ''
    return f'Reachable; schema known; {len(context.cells.hosts())} hosts.'


def _cell(context: contexts.Context, host: str) -> str:
    cell = places.Places(context).cell(host)
    cell.where(['none'])
    cell.nodes(host)
    cell.block_device(-1)
    cell.rehearse()
    return _MAY_UPDATE


def _cinder(context: contexts.Context) -> str:
    cinder = context.cinder_database
    if cinder is None:
        return ''
    cinder.volumes(['none'])
    cinder.attachments(ids=['none'])
    cinder.rehearse()
    return _MAY_UPDATE


def _api(context: contexts.Context) -> str:
    api = context.api
    return '' if api is None else f'Reachable; {len(api.hosts())} hosts.'


def _libvirt(context: contexts.Context, host: str) -> str:
    hypervisor = context.hypervisor(host)
    libvirt, driver = hypervisor.versions()
    count = len(hypervisor.domains())
    if not hypervisor.may_define():
        raise exceptions.Unreachable(
            f'The connection to libvirt {libvirt} is read-only.',
            'Use a --libvirt-uri and a user with write access.')
    return (f'Libvirt {libvirt} with {driver}, {count} domains; the '
            'connection is read-write.')
