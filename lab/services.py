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

"""The services of the lab: processes, each with a log, known by their pids."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
from typing import Callable, Mapping, Optional, Sequence, TypeVar

import psutil
import tenacity

from lab import errors

Result = TypeVar('Result')
# Not the caller's PATH: the caller's venv has other programs.
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME': '/root', 'LANG': 'C.UTF-8'}
READY_WITHIN = 120
STOPPED_WITHIN = 30
TAIL = 40


@dataclasses.dataclass(frozen=True)
class Service:
    """A program that runs until it is stopped.

    :param ready: the service is up when this neither raises nor returns False
    :param environment: variables in addition to those of the lab
    :param forks: whether the command only starts a process, its child, and
        waits for it
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], object]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    forks: bool = False


class Services:
    """The running services: a file and a log for each, in one folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder / 'services'
        self.logs = folder / 'log'

    def start(self, *services: Service) -> None:
        """Start services that are not running, and wait until all are up.

        :raises LabError: a service ended or did not come up; with the end of
            its log
        """
        for service in services:
            if self.process(service.name) is None:
                self._start(service)
        for service in services:
            self._wait(service)

    def stop(self, name: str) -> None:
        """Stop a service, if it is running."""
        process = self.process(name)
        if process is not None:
            process.terminate()
            try:
                process.wait(STOPPED_WITHIN)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOPPED_WITHIN)
        self._file(name).unlink(missing_ok=True)

    def process(self, name: str) -> Optional[psutil.Process]:
        """Return the process of a service, if it is running."""
        try:
            known = json.loads(self._file(name).read_text())
            process = psutil.Process(known['pid'])
            if not same(process, known['started']) or (
                    process.status() == psutil.STATUS_ZOMBIE):
                return None
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        return process

    def running(self) -> list[str]:
        """Return the names of the running services."""
        names = sorted(path.stem for path in self.folder.glob('*.json'))
        return [name for name in names if self.process(name) is not None]

    def tail(self, name: str) -> str:
        """Return the end of the log of a service."""
        lines = self.log(name).read_text(errors='replace').splitlines()
        return '\n'.join(lines[-TAIL:])

    def log(self, name: str) -> pathlib.Path:
        """Return the log file of a service."""
        return self.logs / f'{name}.log'

    def _start(self, service: Service) -> None:
        with open(self.log(service.name), 'ab') as log:
            process: psutil.Process = psutil.Popen(
                service.command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, cwd='/',
                env={**ENVIRONMENT, **service.environment})
        if service.forks:
            process = _child(process)
        self._file(service.name).write_text(json.dumps(
            {'pid': process.pid, 'started': process.create_time()}))

    def _wait(self, service: Service) -> None:
        try:
            wait_for(service.ready, READY_WITHIN,
                     lambda: self.process(service.name) is None)
        except Exception as error:
            how = ('did not come up' if self.process(service.name)
                   else 'ended')
            raise errors.LabError(
                f'{service.name} {how}: {error or type(error).__name__}\n'
                f'the end of {self.log(service.name)}:\n'
                f'{self.tail(service.name)}') from error

    def _file(self, name: str) -> pathlib.Path:
        return self.folder / f'{name}.json'


def same(process: psutil.Process, started: float) -> bool:
    """Return whether a pid still belongs to the process that started then."""
    return abs(process.create_time() - started) < 2


def _child(process: psutil.Process) -> psutil.Process:
    """Return the child of a process, or itself if it has ended."""
    def ended() -> bool:
        return not process.is_running() or (
            process.status() == psutil.STATUS_ZOMBIE)

    try:
        return wait_for(lambda: process.children()[0], READY_WITHIN, ended)
    except (IndexError, psutil.Error):
        return process


def wait_for(condition: Callable[[], Result], within: float,
             given_up: Callable[[], bool] = lambda: False) -> Result:
    """Wait until a condition neither raises nor is False, and return it.

    :param within: seconds
    :param given_up: returns whether to stop waiting
    :raises Exception: the last error of the condition, or TimeoutError
    """
    def attempt() -> Result:
        result = condition()
        if result is False:
            raise TimeoutError(f'not ready after {within} seconds')
        return result

    late = tenacity.stop_after_delay(within)
    return tenacity.Retrying(
        wait=tenacity.wait_fixed(0.2), reraise=True,
        stop=lambda state: late(state) or given_up())(attempt)


def run(*command: str, stdin: str = '', within: float = 300,
        environment: Optional[Mapping[str, str]] = None) -> str:
    """Run a command with the lab's environment and return its output.

    :param within: seconds
    :raises LabError: the command fails; with its output
    """
    try:
        return subprocess.run(
            command, input=stdin, check=True, text=True, timeout=within,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**ENVIRONMENT, **(environment or {})}).stdout
    except subprocess.CalledProcessError as error:
        said = f'{error.stdout}{error.stderr}'.splitlines()[-TAIL:]
        raise errors.LabError(
            f'{command[0]} {" ".join(command[1:3])} failed with exit code '
            f'{error.returncode}:\n' + '\n'.join(said)) from error
    except subprocess.TimeoutExpired as error:
        raise errors.LabError(
            f'{command[0]} did not finish within {within} seconds') from error
