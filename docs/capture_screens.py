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
COMMANDS = {'status': 'status', 'dry-run': 'refresh --dry-run',
            'refresh': 'refresh'}
# The command, as if its config file were the default one.
PROGRAM = '''\
import sys
from rbd_mon_fix.cli import main
main.CONFIG_FILE = {config!r}
sys.exit(main.main())
'''
# Seconds for a command.
_LIMIT = 900


def clouds() -> dict[str, tuple[str, list[shape.Server]]]:
    """Return the clouds by name, each with the arguments of its commands."""
    return {'3-servers': (HOST, list(shape.three())),
            '60-servers': (HOST, list(shape.many(60))),
            '500-hosts': (FLEET, list(shape.fleet(500)))}


def capture(words: str, cloud: building.Cloud, size: tuple[int, int]) -> str:
    """Run a command in a terminal, and return what it shows.

    :param size: columns and lines
    :raises subprocess.TimeoutExpired: the command does not end
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        script = folder / 'script'
        script.write_text(_script(words, _program(cloud, folder)))
        config = folder / 'tmux.conf'
        config.write_text('set -g history-limit 100000\n')
        tmux = ['tmux', '-f', str(config), '-S', str(folder / 'socket')]
        width, height = map(str, size)
        environment = {**os.environ, 'LANG': 'C.UTF-8', 'TERM': 'screen'}
        try:
            subprocess.run(
                [*tmux, 'new-session', '-d', '-x', width, '-y', height,
                 f'sh {script}'], check=True, env=environment)
            subprocess.run([*tmux, 'wait-for', 'done'], check=True,
                           timeout=_LIMIT)
            shown = subprocess.run(
                [*tmux, 'capture-pane', '-p', '-S', '-'], check=True,
                capture_output=True, text=True).stdout
        finally:
            subprocess.run([*tmux, 'kill-server'], check=False)
    return '\n'.join(line.rstrip() for line in shown.rstrip().splitlines()
                     ) + '\n'


def roll_back(cloud: building.Cloud) -> None:
    """Undo the last run, so that another one finds the same cloud."""
    with tempfile.TemporaryDirectory() as name:
        program = shlex.split(_program(cloud, pathlib.Path(name)))
        listed = subprocess.run(
            [*program, 'journal', 'list', '-f', 'value', '-c', 'run'],
            check=True, capture_output=True, text=True).stdout
        subprocess.run([*program, 'rollback', listed.split()[-1]], check=True,
                       capture_output=True)


def _program(cloud: building.Cloud, folder: pathlib.Path) -> str:
    """Return the command, which looks as if its config were the default."""
    program = folder / 'program.py'
    program.write_text(PROGRAM.format(config=str(cloud.config_file)))
    return shlex.join([sys.executable, str(program)])


def _script(words: str, program: str) -> str:
    """Return a script that shows a command and its output."""
    return '\n'.join([
        f'cd {shlex.quote(os.getcwd())}',
        f"printf '$ rbd-mon-fix {words}\\n'", f'{program} {words}',
        'tmux wait-for -S done', 'exec sleep 60', ''])


def main() -> None:
    """Write a file for each cloud, command and size."""
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
            for size in SIZES:
                _write(name, scope, cloud, size)


def _write(name: str, scope: str, cloud: building.Cloud,
           size: tuple[int, int]) -> None:
    width, height = size
    for title, words in COMMANDS.items():
        text = capture(f'{words} {scope}', cloud, size)
        path = FOLDER / f'{name}-{title}-{width}x{height}.txt'
        # The folder of the cloud is no part of the picture.
        path.write_text(text.replace(f'{cloud.folder}/', ''))
    roll_back(cloud)


if __name__ == '__main__':
    main()
