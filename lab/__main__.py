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

"""The command line of the lab, for use outside it: ``python -m lab``."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
from typing import Sequence

import lab
from lab import errors
from lab import machine
from lab import network
from lab import services

HOSTS = (network.HOSTNAME, network.SECOND_HOSTNAME)
LEVELS = ('ceph', 'openstack')
ENVIRONMENT = 'changes/etc/lab/environment.json'
KEPT = ('TERM', 'PYTEST_ADDOPTS')


def main(words: Sequence[str]) -> None:
    """Run a command."""
    given = _parser().parse_args(words)
    known = machine.Machine(given.folder)
    try:
        if given.command == 'up':
            known.start(given.release)
            _inside(known, 'up', given.level, str(given.hosts))
        elif given.command == 'down':
            known.stop()
        elif given.command == 'move-monitors':
            _inside(known, 'move-monitors', *given.addresses)
        else:
            _shell(known, given.on, given.words or ['bash', '--norc'])
    except errors.LabError as error:
        sys.exit(f'lab: {error}')


def _inside(known: machine.Machine, *words: str) -> None:
    known.enter(machine.REPOSITORY, [
        known.python, '-m', 'lab.inside', str(known.folder), *words],
        _environment(known))


def _shell(known: machine.Machine, host: str, words: Sequence[str]) -> None:
    here = pathlib.Path.cwd()
    if host == network.HOSTNAME:
        known.enter(here, words, _environment(known))
    _inside(known, 'on', host, str(here), *words)


def _environment(known: machine.Machine) -> dict[str, str]:
    told = known.folder / ENVIRONMENT
    return {
        **services.ENVIRONMENT,
        'PATH': f'{pathlib.Path(known.python).parent}:'
                f'{services.ENVIRONMENT["PATH"]}',
        'TMPDIR': str(known.folder / 'tmp'), 'PS1': '\\h:\\w# ',
        'RBD_MON_FIX_LAB': str(known.folder),
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        **(json.loads(told.read_text()) if told.exists() else {})}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='lab', description=lab.__doc__)
    parser.add_argument(
        '--folder', type=pathlib.Path,
        default=os.environ.get('RBD_MON_FIX_LAB',
                               machine.REPOSITORY / 'lab' / 'state'),
        help='folder for everything the lab writes (default: %(default)s)')
    commands = parser.add_subparsers(dest='command', required=True)
    up = commands.add_parser('up', help='bring the lab up')
    up.add_argument('--level', choices=LEVELS, default='ceph')
    up.add_argument('--release', default='',
                    help='of the root in the folder (default: none)')
    up.add_argument('--hosts', type=int, choices=(1, 2), default=1,
                    help='number of compute hosts (default: %(default)s)')
    commands.add_parser('down', help='stop the lab')
    commands.add_parser(
        'move-monitors', help='replace all monitors').add_argument(
            'addresses', nargs='*', metavar='ADDRESS')
    shell = commands.add_parser(
        'shell', help='run a command in the lab, or a shell')
    shell.add_argument('--on', choices=HOSTS, default=HOSTS[0],
                       help='the host (default: %(default)s)')
    shell.add_argument('words', nargs=argparse.REMAINDER, metavar='COMMAND')
    return parser


if __name__ == '__main__':
    main(sys.argv[1:])
