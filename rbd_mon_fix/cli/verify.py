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

from typing import Any, Sequence, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import failures
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences

COLUMNS = ('host', 'instance', 'name', 'store', 'disk', 'image', 'opened',
           'error', 'seconds')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    command = conf.command
    columns = consoles.columns(conf, COLUMNS)
    request = engine.VerifyRequest(
        consoles.scan_request(conf),
        engine.Limits(command.timeout, command.parallel))
    with engine.Context(conf) as context:
        found = engine.verify(context, request, consoles.Progress(conf, err))
    rows = [_row(each) for each in found.disks]
    listing.write(command.format, out, columns, rows,
                  schema.document(failures.of_lost(found.lost), disks=rows))
    if command.format == 'table':
        print('', _summary(rows), sep='\n', file=out)
    return exit_codes.of_look(
        not all(row['opened'] for row in rows), found.lost)


def _row(opened: engine.Opened) -> dict[str, Any]:
    where, proof = opened.locator, opened.proof
    return {'host': where.host, 'instance': where.instance,
            'name': opened.name or None, 'store': where.store,
            'disk': opened.device, 'image': opened.image,
            'opened': proof.opened, 'error': proof.error,
            'seconds': round(proof.seconds, 3)}


def _summary(rows: Sequence[dict[str, Any]]) -> str:
    closed = sum(not row['opened'] for row in rows)
    if not rows:
        return 'No RBD disk was found.'
    disks = sentences.number(len(rows), 'disk')
    if closed:
        return f'{closed} of {disks} cannot be opened.'
    return f'{disks} opened.'
