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

"""``guests``: running QEMU processes, or watchers, and their monitors."""

from __future__ import annotations

import functools
from typing import Any, TextIO

from oslo_config import cfg
from oslo_log import log as logging

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import census
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import requests
from rbd_mon_fix.cli import rescue
from rbd_mon_fix.report import census_screen
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import guests_screen
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences

LOG = logging.getLogger(__name__)

COLUMNS = ('host', 'instance', 'name', 'pid', 'launched_with',
           'connected_to', 'state')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    command = conf.command
    if command.rescue or command.in_place:
        return rescue.run(conf, out, err)
    if command.from_ceph:
        return _from_ceph(conf, out)
    if command.fsid:
        raise exceptions.ConfigError('--fsid needs --from-ceph.')
    columns = consoles.columns(conf, COLUMNS)
    with engine.Context(conf) as context:
        found = engine.guests(context, requests.scan_request(conf))
    _warn(found)
    rows = [_row(each) for each in found.guests]
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            guests_screen.screen, list(map(_line, found.guests)), found.host,
            found.hidden, consoles.view(conf)))
    else:
        listing.write(
            conf.command.format, out, columns, rows,
            schema.document(clusters=[schema.cluster(cluster, None)
                                      for cluster in found.clusters],
                            guests=rows))
    return exit_codes.of_look(found.stranded or found.not_judged, None)


def _from_ceph(conf: cfg.ConfigOpts, out: TextIO) -> int:
    """Show the watchers of images, on all hosts."""
    if conf.command.host or conf.command.instance:
        raise exceptions.ConfigError(
            'Ceph knows neither hosts nor servers of Nova.',
            'Use --from-ceph without --host and --instance.')
    columns = consoles.columns(conf, census.COLUMNS)
    with engine.Context(conf) as context:
        found = engine.take_census(context, engine.CensusRequest(
            conf.command.fsid))
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            census_screen.census, census.watchers(found),
            census.silent(found), consoles.view(conf)))
    else:
        census.write(conf, out, columns, found)
    return census.exit_code(found)


def _row(report: engine.GuestReport) -> dict[str, Any]:
    connected = report.connected_to
    return {
        'host': report.host, 'instance': report.guest.instance,
        'name': report.name or None, 'pid': report.guest.pid,
        'launched_with': list(map(str, report.launched_with)),
        'connected_to': None if connected is None
        else list(map(str, connected)),
        'state': report.state.value}


def _line(report: engine.GuestReport) -> guests_screen.GuestLine:
    return guests_screen.GuestLine(
        report.guest.instance, report.name, report.guest.pid,
        report.launched_with, report.connected_to, report.state,
        report.is_domain)


def _warn(found: engine.GuestsResult) -> None:
    """Warn about processes that cannot be seen, and say what to do."""
    if found.closed:
        LOG.warning('This user cannot read the connections of %s: run this '
                    'as root.', sentences.number(
                        found.closed, 'QEMU process', 'QEMU processes'))
    if found.hidden:
        LOG.warning('Libvirt runs %s more, but their processes are not '
                    'visible here: run this as root and, in a container, in '
                    "the host's PID namespace.",
                    sentences.number(found.hidden, 'guest'))
