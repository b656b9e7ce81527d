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

"""``guests``: running QEMU processes, and the monitors that they follow."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any, Iterator, Sequence, TextIO

from oslo_config import cfg
from oslo_log import log as logging

from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.inventory import local_host
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences

LOG = logging.getLogger(__name__)

COLUMNS = ('host', 'instance', 'pid', 'launched_with', 'connected_to',
           'state')

Rows = list[dict[str, Any]]


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    with contextlib.closing(contexts.Context(conf)) as site:
        survey = surveys.Survey(site, conf.command)
        local_host.require(site, survey.request.hosts, 'guests')
        watch = connectivity.Watch(site)
        for copies in _by_server(survey):
            watch.add(copies)
        host = survey.request.hosts[0]
        _warn(site, host, watch)
        rows = list(_rows(host, watch, survey.request.instances))
        listing.write(
            conf.command.format, out, COLUMNS, rows,
            {'version': 1, 'clusters': [schema.cluster(cluster, None)
                                        for cluster in site.clusters],
             'guests': rows})
        return _end(conf.command.format, rows, out)


def _by_server(survey: surveys.Survey) -> Iterator[Sequence[Copy]]:
    for plan in survey.plans():
        for _, copies in itertools.groupby(
                plan.copies, lambda copy: copy.locator.instance):
            yield list(copies)


def _rows(host: str, watch: connectivity.Watch,
          only: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a row for each guest that has, or was launched with, a disk."""
    for guest in sorted(watch.guests, key=lambda guest: guest.pid):
        disks = watch.disks(guest)
        if only and guest.instance not in only or not (disks or guest.disks):
            continue
        connected = watch.connected(guest)
        yield {
            'host': host, 'instance': guest.instance, 'pid': guest.pid,
            'launched_with': list(dict.fromkeys(
                str(addr) for disk in guest.disks for addr in disk.monitors)),
            'connected_to': None if connected is None
            else list(map(str, connected)),
            'state': watch.state(guest, disks).value}


def _warn(site: contexts.Context, host: str,
          watch: connectivity.Watch) -> None:
    """Say what may not be seen from here, and what to do."""
    closed = [guest for guest in watch.guests if guest.peers is None]
    if closed:
        LOG.warning('The connections of %s may not be seen by this user: '
                    'run it as root.',
                    sentences.number(len(closed), 'QEMU process',
                                   'QEMU processes'))
    seen = {guest.instance for guest in watch.guests}
    hidden = [domain for domain in site.hypervisor(host).domains()
              if domain.active and domain.uuid not in seen]
    if hidden:
        LOG.warning('Libvirt runs %s more whose processes cannot be seen '
                    'from here: run it as root, and where it runs in a '
                    "container, with the host's PID namespace.",
                    sentences.number(len(hidden), 'guest'))


def _end(fmt: str, rows: Rows, out: TextIO) -> int:
    stranded = [row['instance'] or f'process {row["pid"]}' for row in rows
                if row['state'] == GuestState.STRANDED.value]
    if stranded and fmt == 'table':
        print('', *sentences.stranded(stranded), sep='\n', file=out)
    return (exit_codes.ExitCode.WRONG if stranded
            else exit_codes.ExitCode.OK)
