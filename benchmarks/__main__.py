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

"""Run the benchmarks from the command line."""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile
from typing import Callable, Iterator, Union

from benchmarks import cloud
from benchmarks import figures
from benchmarks import fleet
from benchmarks import growth
from benchmarks import hook
from benchmarks import libvirtd
from benchmarks import page
from benchmarks import refresh
from benchmarks import start
from benchmarks import status
from tests.cloud import databases as databases_module
from tests.cloud import shape
from tests.functional import servers

PYTHON = 'RBD_MON_FIX_NOVA_PYTHON'
SERVERS = 500
ATTACHMENTS = 100_000
# Attachments and hosts of a cloud, and of a larger one.
CLOUDS = (100_000, 1_000), (300_000, 1_000)


def main() -> int:
    args = _parse()
    measured: list[figures.Figure] = []
    for name in args.names or NAMES:
        print(f'measuring: {name}', file=sys.stderr)
        with contextlib.ExitStack() as stack:
            folder = pathlib.Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix='rbd-mon-fix-')))
            found = list(NAMES[name](stack, folder, args))
        held = [each for each in found if isinstance(each, figures.Figure)]
        measured += held
        page.keep(name, held, [each for each in found
                               if isinstance(each, figures.Point)])
    print(figures.table(measured))
    return 0 if all(figure.holds for figure in measured) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks', description=__doc__)
    parser.add_argument('names', nargs='*', metavar='NAME',
                        choices=[[], *NAMES],
                        help=f'one of {", ".join(NAMES)}; default: all')
    parser.add_argument('--rounds', type=int, default=7, metavar='N',
                        help='how often each of two is run (default: 7)')
    parser.add_argument('--nova-python', metavar='PATH',
                        default=os.environ.get(PYTHON, sys.executable),
                        help='interpreter of a venv with Nova and Cinder; '
                        f'default: ${PYTHON}, else this one')
    return parser.parse_args()


def _start(stack: contextlib.ExitStack, folder: pathlib.Path,
           args: argparse.Namespace) -> Iterator[figures.Figure]:
    return start.figures(args.rounds)


def _refresh(stack: contextlib.ExitStack, folder: pathlib.Path,
             args: argparse.Namespace) -> Iterator[figures.Figure]:
    databases = stack.enter_context(servers.mariadb()).create('')
    databases_module.migrate(args.nova_python, databases)
    uri = stack.enter_context(libvirtd.running(shape.HOSTS[0]))
    return refresh.figures(folder / 'refresh', databases, uri, SERVERS,
                           args.rounds)


def _fleet(stack: contextlib.ExitStack, folder: pathlib.Path,
           args: argparse.Namespace) -> Iterator[figures.Figure]:
    databases = stack.enter_context(servers.mariadb()).create('')
    databases_module.migrate(args.nova_python, databases)
    return fleet.figures(folder / 'fleet', databases, args.rounds)


def _status(stack: contextlib.ExitStack, folder: pathlib.Path,
            args: argparse.Namespace) -> Iterator[figures.Figure]:
    databases = servers.SQLite(folder).create('')
    databases_module.migrate(args.nova_python, databases)
    return status.figures(folder / 'status', databases, ATTACHMENTS)


def _cloud(stack: contextlib.ExitStack, folder: pathlib.Path,
           args: argparse.Namespace) -> Iterator[figures.Figure]:
    server = stack.enter_context(servers.mariadb())
    cells = []
    for attachments, hosts in CLOUDS:
        databases = server.create(f'of_{attachments}_')
        databases_module.migrate(args.nova_python, databases)
        cells.append(cloud.Cell(folder / str(attachments), databases,
                                attachments, hosts))
    return cloud.figures(cells, args.rounds)


def _growth(stack: contextlib.ExitStack, folder: pathlib.Path,
            args: argparse.Namespace) -> Iterator[figures.Point]:
    databases = stack.enter_context(servers.mariadb()).create('')
    databases_module.migrate(args.nova_python, databases)
    return growth.points(folder / 'growth', databases, args.rounds)


def _hook(stack: contextlib.ExitStack, folder: pathlib.Path,
          args: argparse.Namespace) -> Iterator[figures.Figure]:
    return hook.figures(folder)


NAMES: dict[str, Callable[..., Iterator[Union[
    figures.Figure, figures.Point]]]] = {
    'start': _start, 'hook': _hook, 'refresh': _refresh, 'fleet': _fleet,
    'status': _status, 'growth': _growth, 'cloud': _cloud}

if __name__ == '__main__':
    sys.exit(main())
