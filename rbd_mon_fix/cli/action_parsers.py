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

"""The parsers of the commands that have actions."""

from __future__ import annotations

import argparse
from typing import Any

from rbd_mon_fix.cli import argument_types
from rbd_mon_fix.cli import command_parser


def journal(commands: Any) -> None:
    """Add ``journal`` and its actions."""
    parser = command_parser.bare(
        commands, 'journal', 'Show or remove earlier runs. The journal is in '
        '--journal-dir.', words='ACTION')
    actions = _actions(parser)
    listed = command_parser.listing(
        actions, 'list', 'List runs, oldest first.', prefix=parser.prog)
    listed.add_argument(
        '--last', type=argument_types.positive, default=0, metavar='N',
        help='only the newest N runs')
    show = command_parser.listing(
        actions, 'show', 'Show each change of a run.', 'RUN', parser.prog)
    show.add_argument('run', metavar='RUN',
                      help="ID of the run, from 'journal list'")
    prune = command_parser.listing(
        actions, 'prune', 'Remove old runs. They can no longer be rolled '
        'back. Runs that are not finished, damaged or written by a newer '
        'version are kept and named.', '--keep N', parser.prog)
    prune.add_argument(
        '--keep', type=argument_types.positive, metavar='N', required=True,
        help='keep the newest N runs')


def hook(commands: Any) -> None:
    """Add ``hook`` and its actions."""
    parser = command_parser.bare(
        commands, 'hook',
        'Manage the libvirt hook of this host, which corrects the monitors '
        'in the XML of guests that resume on or migrate to it. It knows '
        'present and former monitors, and leaves the XML unchanged if in '
        'doubt. It is installed in --hook-dir.', words='ACTION')
    actions = _actions(parser)
    command_parser.listing(
        actions, 'install', 'Install the hook, or replace an older version. '
        'Reports whether libvirt must be restarted to load the hook; a '
        'restart does not affect running guests.', prefix=parser.prog)
    command_parser.listing(actions, 'remove', 'Remove the hook.',
                           prefix=parser.prog)
    command_parser.listing(
        actions, 'status', 'Show whether the hook is installed, knows the '
        'right monitors, and is called by libvirt.', prefix=parser.prog)


def lifeline(commands: Any) -> None:
    """Add ``lifeline`` and its action."""
    parser = command_parser.bare(
        commands, 'lifeline',
        'Show which old addresses of monitors, if they answer again, bring '
        'stranded guests back.', words='ACTION')
    plan = command_parser.listing(
        _actions(parser), 'plan', 'Show the smallest set of old addresses '
        'that reaches every stranded guest, from the history of the monmap, '
        'with the commands that make each answer, and the way back. Runs '
        'none of them and changes nothing.', prefix=parser.prog)
    plan.add_argument(
        '--host', action='extend', type=argument_types.hosts, default=[],
        metavar='H',
        help='this compute host, as Nova names it; not required')
    plan.add_argument(
        '--from-ceph', action='store_true',
        help='ask Ceph for the stranded clients of all hosts, as '
        '--ceph-admin-user')
    plan.add_argument('--fsid', type=argument_types.fsid, metavar='FSID',
                      help='only this cluster')
    # As for guests: the domains tell the cluster of each disk.
    plan.set_defaults(all_hosts=False, instance=[], store=['domain'],
                      unmanaged=False)


def shield(commands: Any) -> None:
    """Add ``shield`` and its actions."""
    parser = command_parser.bare(
        commands, 'shield',
        'Make QEMU on this host ignore stale lists of monitors: a block in '
        'the ceph.conf that QEMU reads (--shield-conf) names the right ones '
        'for each cephx user. Records stay as they are; refresh corrects '
        'them. Run it as root on the compute host itself.', words='ACTION')
    actions = _actions(parser)
    for name, text in (
            ('install', 'Shield each cephx user of this host. QEMU must open '
             'an image of the user with a dead list, or nothing is left '
             'behind.'),
            ('refresh', 'Give the sections that exist the right monitors.'),
            ('status', 'Compare the sections with the clusters. Changes '
             'nothing.'),
            ('remove', 'Remove the block; other bytes of the file stay.')):
        command_parser.listing(actions, name, text, prefix=parser.prog)


def _actions(parser: argparse.ArgumentParser) -> Any:
    return parser.add_subparsers(title='actions', dest='action',
                                 metavar='ACTION', required=True)
