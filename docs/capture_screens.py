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

"""Capture what a terminal shows, on clouds of three sizes.

The commands run in tmux, at 80x24 and 160x50, on throwaway clouds: one host
with 3 servers, one host with 60, and 500 hosts. Each capture has everything
that was printed, also what has left the screen. Run from the root of the tree:
python -m docs.capture_screens --nova-python PATH
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from tests.cloud import building
from tests.cloud import databases as databases_module
from tests.cloud import shape

FOLDER = pathlib.Path(__file__).with_name('captures')
SIZES = ((80, 24), (160, 50))
HOST = '--host cmp1'
# A controller has the databases, and no libvirt of a compute host.
FLEET = '--all-hosts --store nova-bdm --store cinder-attachment'
# The command, as if its config file were the default one.
PROGRAM = '''\
import sys
from rbd_mon_fix.cli import main
main.CONFIG_FILE = {config!r}
sys.exit(main.main())
'''
# Seconds for all commands on one cloud.
_LIMIT = 900


def clouds() -> dict[str, tuple[str, list[shape.Server]]]:
    """Return the clouds by name, each with the arguments of its commands."""
    return {'3-servers': (HOST, list(shape.three())),
            '60-servers': (HOST, list(shape.many(60))),
            '500-hosts': (FLEET, list(shape.fleet(500)))}


def capture(cloud: building.Cloud, scope: str, width: int,
            height: int) -> str:
    """Run the usual commands in a terminal, and return what it shows.

    :raises subprocess.TimeoutExpired: a command does not end
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        script = folder / 'script'
        script.write_text(_script(cloud, scope, folder))
        config = folder / 'tmux.conf'
        config.write_text('set -g history-limit 100000\n')
        tmux = ['tmux', '-f', str(config), '-L',
                f'rbd-mon-fix-{os.getpid()}-{width}']
        environment = {**os.environ, 'LANG': 'C.UTF-8', 'TERM': 'screen'}
        try:
            subprocess.run(
                [*tmux, 'new-session', '-d', '-x', str(width), '-y',
                 str(height), f'sh {script}'], check=True, env=environment)
            subprocess.run([*tmux, 'wait-for', 'done'], check=True,
                           timeout=_LIMIT)
            shown = subprocess.run(
                [*tmux, 'capture-pane', '-p', '-S', '-'], check=True,
                capture_output=True, text=True).stdout
        finally:
            subprocess.run([*tmux, 'kill-server'], check=False)
    return '\n'.join(line.rstrip() for line in shown.rstrip().splitlines()
                     ) + '\n'


def _script(cloud: building.Cloud, scope: str, folder: pathlib.Path) -> str:
    """Return a script that shows each command and its output."""
    program = folder / 'program.py'
    program.write_text(PROGRAM.format(config=str(cloud.config_file)))
    run = f'{shlex.quote(sys.executable)} {shlex.quote(str(program))}'
    commands = [f'{command} {scope}'.strip() for command in (
        'status', 'refresh --dry-run', 'refresh', 'status')]
    lines = [f'cd {shlex.quote(os.getcwd())}']
    for command in commands:
        lines += [f"printf '$ rbd-mon-fix {command}\\n'", f'{run} {command}',
                  "printf '[exit code %s]\\n\\n' $?"]
    # The next size finds the same cloud.
    last = f'{run} journal list -f value -c run | tail -n 1'
    return '\n'.join([*lines, f'{run} rollback "$({last})" >/dev/null 2>&1',
                      'tmux wait-for -S done', 'exec sleep 60', ''])


def main() -> None:
    """Write a file for each cloud and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--nova-python', default=sys.executable,
                        help='interpreter of a venv with Nova and Cinder')
    nova_python = parser.parse_args().nova_python
    FOLDER.mkdir(exist_ok=True)
    for name, (scope, servers) in clouds().items():
        with tempfile.TemporaryDirectory() as folder:
            databases = databases_module.Databases.at(
                f'sqlite:///{folder}', '')
            databases_module.migrate(nova_python, databases)
            cloud = building.build(pathlib.Path(folder), databases, servers)
            for width, height in SIZES:
                text = capture(cloud, scope, width, height)
                (FOLDER / f'{name}-{width}x{height}.txt').write_text(
                    _without_folder(text, folder))


def _without_folder(text: str, folder: str) -> str:
    """Leave out the folder of the cloud, in which the monitors file is."""
    return re.sub(f'{re.escape(folder)}/?', '', text)


if __name__ == '__main__':
    main()
