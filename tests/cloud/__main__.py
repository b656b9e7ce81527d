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

"""Build a throwaway cloud from the command line."""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
import sys
from typing import Callable, Mapping, Sequence

from tests.cloud import building
from tests.cloud import databases as databases_module
from tests.cloud import shape

PYTHON = 'RBD_MON_FIX_NOVA_PYTHON'


def main() -> None:
    parser = argparse.ArgumentParser(
        prog='python -m tests.cloud', description=__doc__)
    parser.add_argument('folder', type=pathlib.Path,
                        help='where to build it; made if need be')
    parser.add_argument('--database-url', metavar='URL',
                        help='server that has the empty databases api, '
                        'cell0, cell and cinder; default: SQLite in folder')
    parser.add_argument('--nova-python', metavar='PATH',
                        default=os.environ.get(PYTHON, sys.executable),
                        help='interpreter of a venv with Nova and Cinder; '
                        f'default: ${PYTHON}, else this one')
    parser.add_argument('--servers', type=_servers, default='standard',
                        metavar='few|standard|three|fleet|N',
                        help='a handful, one for everything that can be met, '
                        'one host with three, 500 hosts, or N that are alike; '
                        'default: %(default)s')
    args = parser.parse_args()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    databases = databases_module.Databases.at(
        args.database_url or f'sqlite:///{folder}', '')
    databases_module.migrate(args.nova_python, databases)
    cloud = building.build(folder, databases, args.servers)
    print(f'{len(cloud.servers)} servers; config: {cloud.config_file}')


def _servers(text: str) -> Sequence[shape.Server]:
    known: Mapping[str, Callable[[], Sequence[shape.Server]]] = {
        'few': shape.few, 'standard': shape.standard, 'three': shape.three,
        'fleet': functools.partial(shape.fleet, 500)}
    return known[text]() if text in known else shape.many(int(text))


if __name__ == '__main__':
    main()
