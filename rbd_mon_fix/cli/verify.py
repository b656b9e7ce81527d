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

"""``verify``: have QEMU open disks as a cold start would."""

from __future__ import annotations

import functools
from typing import Any, Optional, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import failures
from rbd_mon_fix.cli import requests
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import verify_screen

COLUMNS = ('host', 'instance', 'name', 'store', 'disk', 'image', 'opened',
           'error', 'seconds', 'shielded')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    command = conf.command
    columns = consoles.columns(conf, COLUMNS)
    request = engine.VerifyRequest(
        requests.scan_request(conf),
        engine.Limits(command.timeout, command.parallel))
    with engine.Context(conf) as context:
        found = engine.verify(context, request, consoles.Progress(conf, err))
    rows = [_row(each) for each in found.disks]
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            verify_screen.screen, list(map(_disk, found.disks)),
            {host: error.message for host, error in found.lost.items()},
            consoles.view(conf), opened_as=_as_what(found)))
    else:
        listing.write(command.format, out, columns, rows,
                      schema.document(
                          failures.of_lost(found.lost), disks=rows,
                          opened_as=_opener(found)))
    return exit_codes.of_look(
        not all(row['opened'] for row in rows), found.lost)


def _opener(found: engine.VerifyResult) -> Optional[dict[str, object]]:
    opener = found.opener
    return None if opener is None else {
        'user': opener.user, 'daemon': opener.daemon,
        'ceph_conf': opener.conf, 'note': opener.note or None}


def _as_what(found: engine.VerifyResult) -> str:
    """Return as what disks were opened, in a sentence."""
    opener = found.opener
    if opener is None:
        return ''
    mounts = ('' if opener.daemon is None
              else f' in the mounts of process {opener.daemon}')
    conf = (f'with the settings of {opener.conf}' if opener.conf
            else 'without a ceph.conf')
    return f'Opened as {opener.user}{mounts}, {conf}. {opener.note}'.strip()


def _row(opened: engine.Opened) -> dict[str, Any]:
    where, proof = opened.locator, opened.proof
    return {'host': where.host, 'instance': where.instance,
            'name': opened.name or None, 'store': where.store,
            'disk': opened.device, 'image': opened.image,
            'opened': proof.opened, 'error': proof.error,
            'seconds': round(proof.seconds, 3), 'shielded': opened.shielded}


def _disk(opened: engine.Opened) -> verify_screen.OpenedDisk:
    where, proof = opened.locator, opened.proof
    return verify_screen.OpenedDisk(
        where.host, where.instance, opened.name, where.store, opened.device,
        opened.image, None if proof.opened else proof.error or 'no message',
        proof.seconds, proof.tried, opened.shielded)
