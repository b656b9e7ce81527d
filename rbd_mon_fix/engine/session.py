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

"""Sessions that write: locks, the journal and runs that were cut off."""

from __future__ import annotations

import collections
import contextlib
import datetime
import functools
import itertools
from typing import TYPE_CHECKING, Collection, Iterable, Iterator, Optional

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.core import recovery
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import RESCUE
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.state import journal as journals
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import journal_writer
from rbd_mon_fix.state import locks

if TYPE_CHECKING:
    from rbd_mon_fix.clients import server_locks

LOG = logging.getLogger(__name__)

_CONDITIONS = {
    Condition.DAMAGED: (
        'Run %s was cut off, and its journal file is damaged: changes and '
        'locks in the damaged lines remain unknown. Check the disk, and look '
        'at the hosts of the run with status.'),
    Condition.NEWER: (
        'Run %s was cut off, and was written by a newer version of '
        'rbd-mon-fix: it is left alone. Run refresh with that version.')}
_RESCUE = (
    'Run %s, the rescue of a guest, was cut off: check with virsh that the '
    'guest runs, and with guests that it follows the monitors.')


def journal(context: contexts.Context) -> journals.Journal:
    """Return the journal that the config names."""
    return journals.Journal(
        context.journal_dir,
        lambda: datetime.datetime.now(datetime.timezone.utc))


class Session(contextlib.AbstractContextManager['Session']):
    """The exclusive right to write to the hosts of a scan, for a block.

    :param lock: lock servers through Nova's API while writing their records
    :raises Refused: another run holds the lock for one of the hosts
    :raises ConfigError: the journal cannot be written, or there is no API
        to lock servers through
    """

    def __init__(self, context: contexts.Context, scan: scans.Scan,
                 lock: bool = False):
        self._context = context
        self._scan = scan
        self._journal = journal(context)
        self._server_locks = _server_locks(context) if lock else None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Session:
        self._journal.prepare()
        self._held.enter_context(locks.held(
            self._context.journal_dir, self._scan.selection.hosts))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._held.close()

    def settle(self) -> None:
        """Settle the outcomes of runs that were cut off on these hosts."""
        for run in self._journal.unfinished():
            if not set(run.hosts) <= set(self._scan.selection.hosts):
                continue
            if run.condition is not Condition.WHOLE:
                LOG.warning(_CONDITIONS[run.condition], run.id)
            elif run.command == RESCUE:
                LOG.warning(_RESCUE, run.id)
            # A run without hosts is just beginning, or cannot be read.
            if run.hosts:
                self._settle(run)

    def start(self, command: str, clusters: Iterable[Cluster],
              undoes: Optional[str] = None) -> Writing:
        """Begin a run in the journal.

        :param command: the command that writes
        :param clusters: the clusters that are known
        :param undoes: the run that a rollback undoes
        :raises RbdMonFixError: the journal cannot be written
        """
        writer = self._journal.start(
            command, self._scan.selection.hosts,
            journal_records.told(clusters), undoes)
        return Writing(self._scan, writer, self._server_locks)

    def _settle(self, run: Run) -> None:
        reachable = [entry for entry in run.unsettled if entry.locator.store
                     in self._scan.selection.stores]
        if len(reachable) < len(run.unsettled):
            LOG.warning('Run %s was cut off, and some of its changes are in '
                        'stores that are not selected here. Run refresh with '
                        'those stores to check them.', run.id)
        writer = self._journal.reopen(run)
        settled: collections.Counter[Verdict] = collections.Counter()
        failure = None
        try:
            for outcome in recovery.settle(reachable, self._scan.get):
                writer.end([outcome])
                settled[outcome.verdict] += 1
                LOG.info('Run %s was cut off; %s of server %s on host %s is '
                         '%s: %s.', run.id, outcome.locator.store,
                         outcome.locator.instance, outcome.locator.host,
                         outcome.verdict.value, outcome.reason)
        except exceptions.Unreachable as error:
            failure = error
        if settled and run.command != RESCUE:
            LOG.warning('Run %s was cut off: %s.', run.id,
                        recovery.in_words(run, settled))
        if failure:
            LOG.warning('Run %s was cut off, and some of its changes cannot '
                        'be checked: %s', run.id, failure)
        if self._unlock(run, writer) and sum(settled.values()) == len(
                run.unsettled):
            writer.close()
        else:
            writer.leave()

    def _unlock(self, run: Run, writer: journal_writer.Writer) -> bool:
        """Unlock servers that were left locked by a run that was cut off."""
        if not run.locked:
            return True
        if self._context.api is None:
            LOG.warning(
                'Run %s was cut off and may have left servers locked: %s. '
                "Configure credentials for Nova's API and run this again, or "
                'use "openstack server unlock".', run.id,
                ', '.join(sorted(run.locked)))
            return False
        _server_locks(self._context).release(run.locked, run.id)
        writer.note('unlocked', instances=sorted(run.locked))
        return True


class Writing:
    """A run that is being written.

    :param server_locks: Nova's locks on servers; None if locking was not
        requested
    """

    def __init__(self, scan: scans.Scan, writer: journal_writer.Writer,
                 server_locks: Optional[server_locks.Locks]):
        self.run = writer.run
        self._scan = scan
        self._writer = writer
        self._server_locks = server_locks

    def apply(self, wanted: Iterable[Change],
              proceed: apply.Proceed = lambda servers: True
              ) -> Iterator[Outcome]:
        """Make changes of a plan, and yield the outcome of each.

        :param proceed: asked before each batch
        :raises RbdMonFixError: a store, the API or the journal failed
        """
        for host, changes in itertools.groupby(wanted, _host):
            yield from apply.apply(
                list(changes), self._scan.stores(host), self._writer,
                functools.partial(self._scan.busy, host), self._hold,
                proceed)

    def close(self, complete: bool) -> None:
        """End the run.

        :param complete: False if an error cut the run off
        :raises RbdMonFixError: the journal cannot be written
        """
        if complete:
            self._writer.close()
        else:
            self._writer.leave()

    @contextlib.contextmanager
    def _hold(self, uuids: Collection[str]) -> Iterator[None]:
        """Lock servers for the block, and note the locks in the journal."""
        if self._server_locks is None:
            yield
            return
        wanted = sorted(uuids)
        self._writer.note('locking', instances=wanted)
        taken = self._server_locks.acquire(wanted, self.run)
        try:
            yield
        finally:
            self._server_locks.release(taken, self.run)
            self._writer.note('unlocked', instances=wanted)


def _server_locks(context: contexts.Context) -> server_locks.Locks:
    if context.api is None:
        raise exceptions.ConfigError(
            "--lock needs Nova's API, and there are no credentials for it.",
            'Set auth_type and its options in group [nova] of the config '
            'file, or set OS_CLOUD or the other OS_* variables.')
    from rbd_mon_fix.clients import server_locks
    return server_locks.Locks(context.api)


def _host(change: Change) -> str:
    return change.locator.host
