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

"""Listeners that the commands share."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import (
    Any,
    Callable,
    ContextManager,
    Iterator,
    Optional,
    Sequence,
    TextIO,
)

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import command_line
from rbd_mon_fix.cli import failures
from rbd_mon_fix.cli import host_log
from rbd_mon_fix.cli import stopping
from rbd_mon_fix.cli import streams
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.report import columns as report_columns
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import machine
from rbd_mon_fix.report import progress
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import verdicts
from rbd_mon_fix.report import view as views


def columns(conf: cfg.ConfigOpts, known: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a command lists.

    :param known: all its columns
    :raises ConfigError: a column is unknown, or the format has no columns
    """
    return report_columns.chosen(conf.command.format, known,
                                 conf.command.column)


def wants_screen(conf: cfg.ConfigOpts) -> bool:
    """Return whether a command shows its screen, not chosen columns."""
    return conf.command.format == 'table' and not conf.command.column


def view(conf: cfg.ConfigOpts) -> views.View:
    """Return how a table shows the report of a command."""
    command: Any = conf.command
    typed = isinstance(conf, command_line.CommandLine)
    return views.View(
        getattr(command, 'verbose', False), getattr(command, 'all', False),
        shared=views.split(conf.shared_options()) if typed else (),
        scope=views.split(conf.scope_options()) if typed else (),
        options=tuple(f'--{option}' for option in ('lock', 'verify')
                      if getattr(command, option, False)))


class Console(engine.Silence, contextlib.AbstractContextManager['Console']):
    """Writes the report; the log gets the counts of each host.

    An exception in the block still ends the document for programs.
    """

    def __init__(self, conf: cfg.ConfigOpts, kind: schema.Kind, out: TextIO):
        self.report = factory.report(
            conf.command.format, out, kind, view(conf), conf.command.column)
        self._hosts = host_log.Hosts(conf.command.name)
        self._untold: Optional[str] = None

    def __exit__(self, kind: object, error: Optional[BaseException],
                 trace: object) -> None:
        """End the document if an error took the place of its summary."""
        if error is not None and isinstance(self.report,
                                            machine.ObjectReport):
            with contextlib.suppress(OSError):
                self.report.cut(failures.of_error(failures.ours(error)),
                                self._untold)

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Report the clusters."""
        self.report.clusters(clusters, answering)

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Report one server."""
        self._hosts.server(host, copies, outcomes)
        self.report.server(host, instance, copies, outcomes)

    def finding(self, found: Finding) -> None:
        """Report one finding."""
        self.report.finding(found)

    def close(self, how: ending.Ending) -> bool:
        """Report the summary.

        :returns: whether the whole report was written
        """
        self._hosts.close()
        self.report.close(_for_programs(how))
        return True


class RunConsole(Console):
    """Writes the report of a run that changes documents, and progress.

    A report that cannot be written, because a disk is full or the reader of
    a pipe went away, does not stop the run: half of it would be worse.
    """

    def __init__(self, conf: cfg.ConfigOpts, kind: schema.Kind, out: TextIO,
                 err: TextIO):
        super().__init__(conf, kind, out)
        self._conf = conf
        self._err = err
        self._display = progress.Display(err, conf.command.progress)
        self._stop = stopping.Stop(err)
        self._kind = kind
        self._out = out
        self._lost: Optional[OSError] = None

    def __enter__(self) -> RunConsole:
        return self

    def __exit__(self, kind: object, error: Optional[BaseException],
                 trace: object) -> None:
        """Name the run if an error took the place of its summary."""
        super().__exit__(kind, error, trace)
        if self._untold is not None:
            with contextlib.suppress(OSError):
                print(f'rbd-mon-fix: Run {self._untold} was cut off. '
                      f'"rbd-mon-fix journal show {self._untold}" lists what '
                      'was written.', file=self._err)

    def began(self, run: str) -> None:
        """Remember the id of the run, until its summary is written."""
        self._untold = run
        self._hosts.began(run)

    @contextlib.contextmanager
    def phase(self, what: str, total: Optional[int], done: int = 0
              ) -> Iterator[progress.Advance]:
        """Show progress; a signal lets the batch that is written finish."""
        with contextlib.ExitStack() as stack:
            if what == engine.Phase.WRITING.value:
                stack.enter_context(self._stop.polite())
            yield stack.enter_context(self._display.shown(what, total, done))

    def batch(self, servers: int) -> None:
        """Remember the number of servers in the batch in hand."""
        self._stop.servers = servers

    def stopping(self) -> bool:
        """Tell whether a signal arrived."""
        return self._stop.asked

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Report the clusters."""
        self._attempt(lambda: self.report.clusters(clusters, answering))

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Report one server."""
        self._hosts.server(host, copies, outcomes)
        self._attempt(
            lambda: self.report.server(host, instance, copies, outcomes))

    def close(self, how: ending.Ending) -> bool:
        """Report the summary, on stderr if the report cannot be written.

        :returns: whether the whole report was written
        """
        self._hosts.close()
        self._attempt(lambda: self.report.close(_for_programs(how)))
        self._attempt(self._out.flush)
        if self._lost is None:
            self._untold = None
            return True
        streams.drop(self._out)
        with contextlib.suppress(OSError):
            summary = [
                *verdicts.first(how, self._kind),
                *verdicts.last(how, self._kind),
                *verdicts.following(how, self._kind, view(self._conf))]
            print('rbd-mon-fix: Cannot write the report: '
                  f'{self._lost.strerror}. Its summary:',
                  *map(encoding.printable, summary), sep='\n', file=self._err)
        self._untold = None
        return False

    def _attempt(self, write: Callable[[], object]) -> None:
        if self._lost is None:
            try:
                write()
            except OSError as error:
                self._lost = error


def _for_programs(how: ending.Ending) -> ending.Ending:
    return dataclasses.replace(
        how, failure=failures.of_error(how.error) if how.error
        else failures.of_lost(how.lost))


class Progress(engine.Silence):
    """Shows progress only, for a command that lists results at the end."""

    def __init__(self, conf: cfg.ConfigOpts, err: TextIO):
        self._display = progress.Display(err, conf.command.progress)

    def phase(self, what: str, total: Optional[int], done: int = 0
              ) -> ContextManager[progress.Advance]:
        """Show progress."""
        return self._display.shown(what, total, done)
