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

"""The command line: commands, arguments and help texts."""

from __future__ import annotations

import argparse
from typing import Any

from rbd_mon_fix.cli import argument_types

FORMATS = ('table', 'json', 'yaml', 'csv')
# The names in stores/registry.py, in writing order; importing the registry
# would slow down the start. A test compares the two.
STORES = ('cinder-attachment', 'nova-bdm', 'domain', 'managed-save',
          'unrescue', 'live-domain')

# Time limit for opening a disk, in seconds, and disks opened at once.
_TIMEOUT = 5.0
_PARALLEL = 4

DESCRIPTION = """\
Find and refresh stale Ceph monitor addresses in Nova, Cinder and libvirt.

When a disk on Ceph RBD is attached, the addresses of the monitors are written
to Nova's and Cinder's databases and to libvirt's XML. After the monitors move,
a running guest goes on, but its next start uses the old addresses and fails.
rbd-mon-fix finds every stale copy, corrects it without touching the guest,
and can undo the correction."""

PROGRAM = 'rbd-mon-fix'
USAGE = '%(prog)s [options] COMMAND [arguments]'

EPILOG = """\
usual order, for a host H:
  rbd-mon-fix preflight --host H           is everything in place?
  rbd-mon-fix monitors                     are these the right monitors?
  rbd-mon-fix status --host H              what would break?
  rbd-mon-fix refresh --host H --dry-run   what would be changed?
  rbd-mon-fix refresh --host H             change it
  rbd-mon-fix status --host H              is everything current now?
  rbd-mon-fix verify --host H              does each disk really open?
  rbd-mon-fix guests --host H              do running guests follow?
  rbd-mon-fix rollback RUN                 undo it

Put options before the command and the command's own arguments after it; see
'rbd-mon-fix COMMAND --help'. Exit codes: 0 everything is right, 1 something
is wrong or could not be judged (stale or drifted records, unknown clusters,
stranded guests, disks that do not open), 2 usage or config, 3 refused by a
guard, 4 incomplete, 5 a service could not be reached, 130 interrupted, 255
crash."""


def add_parsers(commands: Any, parent: Any) -> None:
    """Add the parsers of all commands.

    :param commands: the subparsers that oslo.config's SubCommandOpt passes
    :param parent: the parser of the whole command line, or None
    """
    if parent is not None:
        parent.formatter_class = argparse.RawDescriptionHelpFormatter
    commands.metavar = 'COMMAND'
    _add(commands, 'monitors',
         'Show the clusters in the config, their right monitors, where the '
         'list comes from, and whether each monitor answers.')
    _verbose(_scope(_add(
        commands, 'status',
        'Show every copy of monitor addresses, whether it is current, '
        'drifted (the server still starts) or stale, and which operations '
        'would fail on each server now. Changes nothing.')))
    _refresh(_scope(_add(
        commands, 'refresh',
        'Correct the copies that status shows as stale or drifted. Does not '
        'touch running guests.')))
    _preflight(_add(
        commands, 'preflight',
        'Check everything that a run needs: config, databases and the rights '
        'in them, libvirt, Ceph, QEMU, the journal, the clock. Prints one '
        'line for each check, with advice where it fails. Changes nothing.'))
    _verify(_scope(_add(
        commands, 'verify',
        'Have QEMU open each disk as a cold start would: read-only, with '
        "exactly the addresses and user of its record and libvirt's key. "
        'Run it on the compute host itself.')))
    _guests(_add(
        commands, 'guests',
        'Show each running QEMU process, the monitors that it was launched '
        'with and is connected to, and whether it follows the monitors or is '
        'stranded. Run it on the compute host itself.'))
    _rollback(_add(
        commands, 'rollback',
        'Undo a run: restore the addresses that it replaced, wherever '
        'nobody has changed them since.'))
    _journal(commands)
    _hook(commands)


def _add(commands: Any, name: str, text: str,
         prefix: str = PROGRAM) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, prog=f'{prefix} {name}', description=text,
        help=text.partition('. ')[0].rstrip('.') + '.')
    parser.add_argument('-f', '--format', choices=FORMATS, default='table',
                        help='output format (default: table)')
    return parser


def _scope(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        '--host', action='append', default=[], metavar='H',
        help="a compute host, as Nova names it; repeatable; may be "
             'omitted on a libvirt host without OpenStack')
    parser.add_argument('--all-hosts', action='store_true',
                        help='every compute host that Nova knows')
    parser.add_argument(
        '--instance', action='append', default=[], type=argument_types.server,
        metavar='UUID', help='only this server; repeatable')
    parser.add_argument(
        '--store', action='append', default=[], choices=STORES,
        help='only this kind of copy; repeatable')
    parser.add_argument(
        '--unmanaged', action='store_true',
        help='include guests that Nova does not know; otherwise they are '
             'listed but left alone')
    return parser


def _verbose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '-v', '--verbose', action='store_true',
        help='list current copies one by one, and show for each copy what '
             'tells its cluster')


def _refresh(parser: argparse.ArgumentParser) -> None:
    _verbose(parser)
    _dry_run(parser)
    parser.add_argument(
        '--max-changes', type=argument_types.count, metavar='N',
        help='refuse to run if there are more than N changes; a change is '
             'one document, however many disks it has')
    parser.add_argument(
        '--lock', action='store_true',
        help="lock each server through Nova's API while its records are "
             'written; a server that was locked before stays locked')
    parser.add_argument(
        '--verify', action='store_true',
        help='have QEMU open each changed disk, as verify does; only on the '
             'compute host itself')
    parser.set_defaults(timeout=_TIMEOUT, parallel=_PARALLEL)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--timeout', type=argument_types.seconds, default=_TIMEOUT,
        metavar='SECONDS',
        help='time limit for each disk (default: %(default)g)')
    parser.add_argument(
        '--parallel', type=argument_types.positive, default=_PARALLEL,
        metavar='N',
        help='number of disks opened at once (default: %(default)s)')


def _preflight(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--host', action='append', default=[], metavar='H',
        help='a compute host, as Nova names it; repeatable; may be '
             'omitted on a libvirt host without OpenStack')


def _guests(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--host', action='append', default=[], metavar='H',
        help='this compute host, as Nova names it; may be omitted on a '
             'libvirt host without OpenStack')
    parser.add_argument(
        '--instance', action='append', default=[], type=argument_types.server,
        metavar='UUID', help='only this server; repeatable')
    # The domains tell which cluster each disk of a guest belongs to.
    parser.set_defaults(all_hosts=False, store=['domain'], unmanaged=False)


def _rollback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', metavar='RUN',
                        help="ID of the run, from 'journal list'")
    _dry_run(parser)


def _dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--dry-run', action='store_true',
                        help='show the changes without making them')


def _journal(commands: Any) -> None:
    parser = commands.add_parser(
        'journal', prog=f'{PROGRAM} journal',
        help='Show or remove earlier runs.', description=(
            'Show or remove earlier runs. The journal is in --journal-dir.'))
    actions = parser.add_subparsers(dest='action', metavar='ACTION',
                                    required=True)
    listed = _add(actions, 'list', 'List runs, oldest first.',
                 f'{PROGRAM} journal')
    listed.add_argument(
        '--last', type=argument_types.positive, default=0, metavar='N',
        help='only the newest N runs')
    show = _add(actions, 'show', 'Show each change of a run.',
                f'{PROGRAM} journal')
    show.add_argument('run', metavar='RUN')
    prune = _add(actions, 'prune', 'Remove old runs. They can no longer be '
                 'rolled back. Runs that are not finished, damaged or '
                 'written by a newer version are kept and named.',
                 f'{PROGRAM} journal')
    prune.add_argument(
        '--keep', type=argument_types.positive, metavar='N', required=True,
        help='keep the newest N runs')


def _hook(commands: Any) -> None:
    text = ('Manage the libvirt hook of this host, which corrects the '
            'monitors in the XML of guests that resume on or migrate to it.')
    parser = commands.add_parser('hook', help=text, description=(
        text + ' It knows present and former monitors, and leaves the XML '
        'unchanged if in doubt. It is installed in --hook-dir.'))
    actions = parser.add_subparsers(dest='action', metavar='ACTION',
                                    required=True)
    _add(actions, 'install', 'Install the hook, or replace an older version. '
         'Reports whether libvirt must be restarted to load the hook; a '
         'restart does not affect running guests.', f'{PROGRAM} hook')
    _add(actions, 'remove', 'Remove the hook.', f'{PROGRAM} hook')
    _add(actions, 'status', 'Show whether the hook is installed, knows the '
         'right monitors, and is called by libvirt.', f'{PROGRAM} hook')
