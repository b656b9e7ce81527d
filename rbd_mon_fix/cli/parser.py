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
# In the order of writing; a running domain cannot be written.
STORES = ('cinder-attachment', 'nova-bdm', 'domain', 'managed-save',
          'unrescue', 'live-domain')

# Seconds that a disk may take to open, and how many are opened at once.
_TIMEOUT = 5.0
_PARALLEL = 4

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
  rbd-mon-fix preflight --host H           is all there that is needed?
  rbd-mon-fix monitors                     are these the right monitors?
  rbd-mon-fix status --host H              what would break?
  rbd-mon-fix refresh --host H --dry-run   what would be changed?
  rbd-mon-fix refresh --host H             change it
  rbd-mon-fix status --host H              is all current now?
  rbd-mon-fix verify --host H              would each disk really open?
  rbd-mon-fix guests --host H              do running guests follow?
  rbd-mon-fix rollback RUN                 take it back

Options stand before the command, its own arguments after it:
'rbd-mon-fix COMMAND --help' tells them. Exit codes: 0 all right, 1
something is not right (stale or drifted records, stranded guests, disks that
do not open), 2 usage or config, 3 refused by a guard, 4 incomplete, 5 a
service could not be reached, 130 interrupted, 255 crash."""


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
    _preflight(_add(
        commands, 'preflight',
        'Try all that a run needs, and change nothing: config, databases '
        'and the rights there, libvirt, Ceph, QEMU, the journal, the clock. '
        'One line each: whether it works, and what to do where it does '
        'not.'))
    _verify(_scope(_add(
        commands, 'verify',
        "Prove the cold start: QEMU opens each disk read-only, with exactly "
        "what its document says and the key that libvirt keeps. Run it on "
        'the host itself.')))
    _guests(_add(
        commands, 'guests',
        'Show the running QEMU processes, the monitors that each was '
        'launched with and is connected to, and whether it follows them or '
        'is stranded. Run it on the host itself.'))
    _rollback(_add(
        commands, 'rollback',
        'Take a run back: the addresses that it replaced are restored '
        'wherever nobody has changed them since.'))
    _journal(commands)
    _hook(commands)


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
    parser.add_argument(
        '--verify', action='store_true',
        help='have QEMU open each disk that was changed, as verify does; '
             'on the host itself only')
    parser.set_defaults(timeout=_TIMEOUT, parallel=_PARALLEL)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--timeout', type=_seconds, default=_TIMEOUT, metavar='SECONDS',
        help='how long each disk may take (default: %(default)g)')
    parser.add_argument(
        '--parallel', type=_some, default=_PARALLEL, metavar='N',
        help='how many are opened at once (default: %(default)s)')


def _preflight(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--host', action='append', default=[], metavar='H',
        help='a compute host, as Nova names it; may be repeated; may be '
             'left out on a libvirt host without OpenStack')


def _guests(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--host', action='append', default=[], metavar='H',
        help='this compute host, as Nova names it; may be left out on a '
             'libvirt host without OpenStack')
    parser.add_argument(
        '--instance', action='append', default=[], type=_uuid,
        metavar='UUID', help='this server only; may be repeated')
    # The domains tell which cluster each disk of a guest is of.
    parser.set_defaults(all_hosts=False, store=['domain'], unmanaged=False)


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


def _hook(commands: Any) -> None:
    text = ('The libvirt hook of this host, which puts the monitors right '
            'in the XML of guests that resume or migrate to here.')
    parser = commands.add_parser('hook', help=text, description=(
        text + ' It knows what refresh has learnt, and on any doubt it '
        'leaves the XML as it is. Its folder is --hook-dir.'))
    actions = parser.add_subparsers(dest='action', metavar='ACTION',
                                    required=True)
    _add(actions, 'install', 'Put the hook there, or replace an older one. '
         'Says when libvirt has to be restarted to see it, which does not '
         'touch guests.', f'{PROGRAM} hook')
    _add(actions, 'remove', 'Take the hook away.', f'{PROGRAM} hook')
    _add(actions, 'status', 'Show whether it is there, knows the right '
         'monitors, and is called by libvirt.', f'{PROGRAM} hook')


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no UUID of a server') from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f'{text!r} is no time in seconds')
    return seconds


def _some(text: str) -> int:
    if not _count(text):
        raise argparse.ArgumentTypeError('at least 1 is needed')
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'{text!r} is no number')
    return int(text)
