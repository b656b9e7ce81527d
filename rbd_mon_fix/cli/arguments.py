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

"""The command line: commands, their arguments, their help."""

from __future__ import annotations

import argparse
from typing import Any
import uuid

FORMATS = ('table', 'json', 'yaml', 'csv')
STORES = ('cinder-attachment', 'nova-bdm', 'domain')

DESCRIPTION = """\
Put right the Ceph monitor addresses that guests would start with.

A guest on Ceph RBD carries the addresses of the monitors, written down when
its disk was attached: in Nova's and Cinder's databases and in libvirt's XML.
After the monitors moved it runs on, but would not start again. rbd-mon-fix
finds each stale copy, puts it right without touching the guest, and can
take that back."""

PROGRAM = 'rbd-mon-fix'
USAGE = '%(prog)s [options] COMMAND [arguments]'

EPILOG = """\
the usual way, on a host H:
  rbd-mon-fix monitors                     are these the right monitors?
  rbd-mon-fix status --host H              what would break?
  rbd-mon-fix refresh --host H --dry-run   what would be changed?
  rbd-mon-fix refresh --host H             change it
  rbd-mon-fix status --host H              is all current now?
  rbd-mon-fix rollback RUN                 take it back

Options stand before the command, its own arguments after it:
'rbd-mon-fix COMMAND --help' tells them. Exit codes: 0 all right, 1 stale or
drifted records found, 2 usage or config, 3 refused by a guard, 4 incomplete,
5 a service could not be reached, 130 interrupted, 255 crash."""


def add_parsers(commands: Any, parent: Any) -> None:
    """Add every command.

    :param commands: what oslo.config's SubCommandOpt gives its handler
    :param parent: the parser of the whole command line, or None
    """
    if parent is not None:
        parent.formatter_class = argparse.RawDescriptionHelpFormatter
    commands.metavar = 'COMMAND'
    _add(commands, 'monitors',
         'Show the clusters that the config names and their right monitors, '
         'where that was learnt, and whether each answers.')
    _scope(_add(
        commands, 'status',
        'Show every copy of monitor addresses, whether it is current, '
        'drifted (it still starts) or stale, and per server which '
        'operations would fail now. Changes nothing.'))
    _refresh(_scope(_add(
        commands, 'refresh',
        'Put right what status shows. Running guests are not touched.')))
    _rollback(_add(
        commands, 'rollback',
        'Take a run back: the addresses that it replaced are restored '
        'wherever nobody has changed them since.'))
    _journal(commands)


def _add(commands: Any, name: str, text: str,
         prefix: str = PROGRAM) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, prog=f'{prefix} {name}', description=text,
        help=text.partition('. ')[0].rstrip('.') + '.')
    parser.add_argument('-f', '--format', choices=FORMATS, default='table',
                        help='how to print (default: table)')
    return parser


def _scope(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        '--host', action='append', default=[], metavar='H',
        help="a compute host, as Nova names it; may be repeated; may be "
             'left out on a libvirt host without OpenStack')
    parser.add_argument('--all-hosts', action='store_true',
                        help='every compute host that Nova knows')
    parser.add_argument(
        '--instance', action='append', default=[], type=_uuid,
        metavar='UUID', help='this server only; may be repeated')
    parser.add_argument(
        '--store', action='append', default=[], choices=STORES,
        help='this kind of copy only; may be repeated')
    parser.add_argument(
        '--unmanaged', action='store_true',
        help='take in guests that Nova does not know; otherwise they are '
             'listed and left alone')
    return parser


def _refresh(parser: argparse.ArgumentParser) -> None:
    _dry_run(parser)
    parser.add_argument(
        '--max-changes', type=_count, metavar='N',
        help='refuse when more than N documents would be changed')
    parser.add_argument(
        '--lock', action='store_true',
        help="lock each server through Nova's API while it is worked on; "
             'one that was locked before stays so')


def _rollback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', metavar='RUN',
                        help="the run, as 'journal list' names it")
    _dry_run(parser)


def _dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--dry-run', action='store_true',
                        help='show what would be changed, change nothing')


def _journal(commands: Any) -> None:
    parser = commands.add_parser(
        'journal', prog=f'{PROGRAM} journal', help='Show what was done.',
        description='Show what was done. The journal is in --journal-dir.')
    actions = parser.add_subparsers(dest='action', metavar='ACTION',
                                    required=True)
    _add(actions, 'list', 'List all runs.', f'{PROGRAM} journal')
    show = _add(actions, 'show', 'Show each change of a run.',
                f'{PROGRAM} journal')
    show.add_argument('run', metavar='RUN')


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no UUID of a server') from None


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'{text!r} is no number')
    return int(text)
