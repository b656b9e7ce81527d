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
from typing import Any, Sequence

from rbd_mon_fix.cli import action_parsers
from rbd_mon_fix.cli import argument_types
from rbd_mon_fix.cli import check_options
from rbd_mon_fix.cli import command_parser

# The names in stores/registry.py, in writing order; importing the registry
# would slow down the start. A test compares them.
STORES = ('cinder-attachment', 'nova-bdm', 'domain', 'managed-save',
          'unrescue', 'live-domain', 'ceph-conf')
WRITABLE = STORES[:-2]
PROGRESS = ('auto', 'bar', 'lines', 'none')

# Time limit for opening a disk, in seconds, and disks opened at once.
_TIMEOUT = 5.0
_PARALLEL = 4

# Hosts worked on at once.
_HOSTS_AT_ONCE = 8
_HOSTS = 'compute hosts: H,H or @FILE; default: this machine'


def add_parsers(commands: Any, parent: Any) -> None:
    """Add the parsers of all commands.

    :param commands: the subparsers that oslo.config's SubCommandOpt passes
    :param parent: the parser of the whole command line, or None
    """
    if parent is not None:
        parent.formatter_class = argparse.RawDescriptionHelpFormatter
        parent.add_argument(
            '--help-all', action='help',
            help='show this page with the options of every command')
    commands.metavar = 'COMMAND'
    _add_preparing(commands)
    _add_proving(commands)
    action_parsers.journal(commands)
    action_parsers.hook(commands)
    action_parsers.shield(commands)


def _add_preparing(commands: Any) -> None:
    """Add the commands up to ``refresh``, in the usual order."""
    _host(command_parser.listing(
        commands, 'preflight',
        'Check everything that a run needs: config, databases and the rights '
        'in them, libvirt, Ceph, QEMU, the journal, the clock. Shows first '
        'what fails, with advice. Changes nothing.'),
        _HOSTS)
    command_parser.listing(commands, 'monitors',
         'Show the clusters in the config, their right monitors, where the '
         'list comes from, and whether each monitor answers.')
    _status(_scope(command_parser.listing(
        commands, 'status',
        'Show every copy of monitor addresses, whether it is current, '
        'drifted (the server still starts) or stale, and which operations '
        'would fail on each server now. Changes nothing.'), STORES))
    _refresh(_scope(command_parser.listing(
        commands, 'refresh',
        'Correct stale and drifted copies. Does not touch running guests.'),
        WRITABLE))


def _add_proving(commands: Any) -> None:
    """Add the commands that follow a run."""
    _verify(_scope(command_parser.listing(
        commands, 'verify',
        'Have QEMU open each disk as a cold start would: read-only, with '
        "exactly the addresses and user of its record and libvirt's key. "
        'Run it on the compute host itself.'), STORES))
    _guests(command_parser.listing(
        commands, 'guests',
        'Show each running QEMU process, the monitors that it was launched '
        'with and is connected to, and whether it follows the monitors or is '
        'stranded. Run it on the compute host itself. With --from-ceph: the '
        'clients that have images open, on all hosts, and their sessions on '
        'monitors.'))
    _gate(command_parser.listing(
        commands, 'gate',
        'Show whether the monitors MON may be removed: only if every client '
        'that has an image open has a session on a monitor that stays (exit '
        "code 0). Ask it before each 'ceph mon rm'.", '[MON ...]'))
    action_parsers.lifeline(commands)
    check = _scope(command_parser.bare(
        commands, 'check', check_options.TEXT), STORES)
    _pace(check)
    check_options.add(check)
    _rollback(command_parser.listing(
        commands, 'rollback',
        'Undo a run: restore the addresses that it replaced, wherever '
        'nobody has changed them since.', 'RUN'))


def _scope(parser: argparse.ArgumentParser,
           stores: Sequence[str]) -> argparse.ArgumentParser:
    _host(parser, _HOSTS)
    parser.add_argument('--all-hosts', action='store_true',
                        help='every compute host that Nova knows')
    _instance(parser)
    parser.add_argument(
        '--store', action='append', default=[], choices=stores,
        type=str if stores is STORES else argument_types.writable,
        metavar='STORE', help=(
            f'only this kind of copy: {", ".join(stores[:-1])} or '
            f'{stores[-1]}; repeatable' if stores is STORES else
            'only this kind of copy, as status names it; repeatable'))
    parser.add_argument(
        '--unmanaged', action='store_true',
        help='include guests that Nova does not know')
    return parser


def _host(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        '--host', action='extend', type=argument_types.hosts, default=[],
        metavar='H', help=text)


def _instance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--instance', action='append', default=[], metavar='SERVER',
        type=argument_types.server,
        help='only this server, by UUID or unique name; repeatable')


def _verbose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '-v', '--verbose', action='store_true',
        help='list each copy, and what tells its cluster')
    parser.add_argument('--all', action='store_true',
                        help='list servers and hosts that are in order too')


def _status(parser: argparse.ArgumentParser) -> None:
    _verbose(parser)
    _pace(parser)


def _refresh(parser: argparse.ArgumentParser) -> None:
    _verbose(parser)
    _dry_run(parser)
    parser.add_argument(
        '--save-plan', type=argument_types.file, metavar='FILE',
        help='with --dry-run: save the plan to this file')
    parser.add_argument(
        '--plan', type=argument_types.file, metavar='FILE',
        help='make exactly the changes of a saved plan, or none')
    parser.add_argument(
        '--max-changes', type=argument_types.count, metavar='N',
        help='refuse to change more than N documents')
    parser.add_argument(
        '--lock', action='store_true',
        help="lock each server through Nova's API during its change")
    parser.add_argument(
        '--verify', action='store_true',
        help='have QEMU open each changed disk, on the host itself')
    _pace(parser)
    _progress(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--timeout', type=argument_types.seconds, default=_TIMEOUT,
        metavar='SECONDS',
        help='time limit for each disk; default: %(default)g')
    parser.add_argument(
        '--parallel', type=argument_types.positive, default=_PARALLEL,
        metavar='N', help='disks opened at once; default: %(default)s')
    _progress(parser)


def _pace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--parallel', dest='hosts_at_once', type=argument_types.positive,
        default=_HOSTS_AT_ONCE, metavar='N',
        help='hosts worked on at once; default: %(default)s')


def _guests(parser: argparse.ArgumentParser) -> None:
    _host(parser, 'this compute host, as Nova names it; not required')
    _instance(parser)
    parser.add_argument(
        '--from-ceph', action='store_true',
        help='ask Ceph who has images open, as --ceph-admin-user')
    _fsid(parser)
    parser.add_argument(
        '--rescue', type=argument_types.server, metavar='SERVER',
        help='show the ways out for this stranded guest')
    parser.add_argument(
        '--in-place', action='store_true',
        help='with --rescue: have its QEMU connect its disks again')
    # The domains tell which cluster each disk of a guest belongs to.
    parser.set_defaults(all_hosts=False, store=['domain'], unmanaged=False)


def _gate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'mon', nargs='*', metavar='MON',
        help="monitors that will be removed, as 'ceph mon rm' names them")
    _fsid(parser)


def _fsid(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--fsid', type=argument_types.fsid, metavar='FSID',
                        help='only this cluster')


def _rollback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', metavar='RUN',
                        help="ID of the run, from 'journal list'")
    _verbose(parser)
    _dry_run(parser)
    _pace(parser)
    _progress(parser)


def _progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--progress', choices=PROGRESS, default='auto', metavar='MODE',
        help='auto (bar on a terminal, else lines), bar, lines, none')


def _dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--dry-run', action='store_true',
                        help='show the changes without making them')
