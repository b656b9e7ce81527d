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

"""``verify``: have QEMU open disks as a cold start would open them."""

from __future__ import annotations

import dataclasses
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import cephx_keys
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import shield_cover
from rbd_mon_fix.engine import start_opening
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import device_of
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.stores import registry


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits for opening disks.

    :param timeout: time limit for each disk, in seconds
    :param parallel: number of disks opened at once
    """

    timeout: float = 5.0
    parallel: int = 4


@dataclasses.dataclass(frozen=True)
class VerifyRequest:
    """The disks to open, and the limits for it."""

    scan: selections.ScanRequest
    limits: Limits = Limits()


@dataclasses.dataclass(frozen=True)
class Opened:
    """One disk in one record, and whether QEMU opened it.

    :param name: the name of the server; '' if it has none
    :param device: None if the document names no device
    :param image: None if the document cannot be read
    :param shielded: whether it does not open by its own list, but does with
        the shield of this host
    """

    locator: Locator
    name: str
    device: Optional[str]
    image: Optional[str]
    proof: open_check.Proof
    shielded: bool = False


@dataclasses.dataclass(frozen=True)
class VerifyResult:
    """The result for each disk.

    :param lost: hosts that could not be scanned, each with the reason
    :param opener: as what they were opened; None if none was
    """

    disks: tuple[Opened, ...]
    lost: Mapping[str, exceptions.Unreachable]
    opener: Optional[start_opening.Opener] = None


def verify(context: contexts.Context, request: VerifyRequest,
           listener: reporting.Listener = reporting.SILENCE
           ) -> VerifyResult:
    """Open every disk that a cold start on this machine would open.

    Only documents and secrets are used, and for disks that do not open the
    shield of this host; clusters need not be known.

    :raises ConfigError: a host is not this machine, no cold start reads the
        stores, a key may not be read, or QEMU cannot open rbd at all
    :raises Unreachable: no host can be scanned
    """
    _require_cold(request.scan.stores)
    selection = selections.select(request.scan, context)
    prover = Prover(context, selection.hosts, request.limits, listener)
    scan = scans.Scan(context, selection)
    disks: list[Opened] = []
    for batch in scan.batches():
        found = [each for record in batch.cold()
                 for each in _disks(record, batch.scope.instances[
                     record.locator.instance].name)]
        tried = [(each.locator, disk) for each, disk in found if disk]
        proofs = prover.prove(tried)
        shielded = prover.shielded(batch.scope.host, [
            each for each, proof in zip(tried, proofs) if not proof.opened])
        results = iter(proofs)
        disks += [dataclasses.replace(
                      each, proof=next(results),
                      shielded=(each.locator, disk) in shielded)
                  if disk else each for each, disk in found]
    return VerifyResult(tuple(disks), scan.lost, prover.start.opener)


def _require_cold(wanted: Sequence[str]) -> None:
    """Refuse stores of which nothing would be opened.

    :param wanted: names of stores; empty for all
    :raises ConfigError: no cold start reads any of them
    """
    cold = [name for name, spec in registry.SPECS.items()
            if spec.read_by_cold_start]
    if wanted and not set(wanted) & set(cold):
        raise exceptions.ConfigError(
            f'No cold start reads {" or ".join(wanted)}, so verify would open '
            'no disk.', f'Give --store {", ".join(cold)}, or none.')


class Prover:
    """Opens disks with the keys that this machine's libvirt stores.

    ``start`` tells as what they are opened.

    :param hosts: the hosts whose disks are opened
    :raises ConfigError: one of the hosts is not this machine
    """

    def __init__(self, context: contexts.Context, hosts: Sequence[str],
                 limits: Limits, listener: reporting.Listener):
        context.local_host.require(hosts, 'The proof')
        self._context = context
        self._limits = limits
        self._listener = listener
        self._keys = cephx_keys.Keys(context)
        self._silent = open_check.SilentMonitors()
        self.start = start_opening.LazyOpening(context, hosts)

    def prove(self, disks: Sequence[tuple[Locator, RbdDisk]]
              ) -> list[open_check.Proof]:
        """Open disks as a cold start would, equal disks only once.

        :returns: the proofs, in the order of the disks
        :raises ConfigError: a key may not be read, or QEMU cannot open rbd
        """
        attempts = [self.start.attempt(self.attempt(where, disk), disk)
                    for where, disk in disks]
        proofs = self._opened(
            each for each in attempts if isinstance(each, open_check.Case))
        return [dataclasses.replace(proofs[each], tried=each.monitors)
                if isinstance(each, open_check.Case) else each
                for each in attempts]

    def shielded(self, host: str, disks: Sequence[tuple[Locator, RbdDisk]]
                 ) -> frozenset[tuple[Locator, RbdDisk]]:
        """Return which disks open with the shield of this host.

        They are opened as QEMU's user, with the ceph.conf that QEMU reads.

        :param host: this machine, as Nova names it
        :param disks: disks that do not open by their own lists
        :raises ConfigError: a key may not be read
        """
        cases = shield_cover.cases(self._context, host, disks, self.attempt)
        proofs = self._opened(cases.values()) if cases else {}
        return frozenset(disk for disk, case in cases.items()
                         if proofs[case].opened)

    def _opened(self, cases: Iterable[open_check.Case]
                ) -> Mapping[open_check.Case, open_check.Proof]:
        wanted = list(dict.fromkeys(cases))
        with self._listener.phase(
                reporting.Phase.OPENING.value, len(wanted)) as advance:
            return dict(zip(wanted, open_check.prove(
                wanted, self._limits.timeout, self._limits.parallel,
                advance, self._silent)))

    def complaints(self, changes: Sequence[Change]) -> Mapping[Locator, str]:
        """Return QEMU's error for each changed record that does not open."""
        disks = [(change.locator, dataclasses.replace(
                     _disk(change, edit.disk), monitors=edit.new))
                 for change in changes for edit in change.edits
                 if _is_cold(change.locator)]
        return {locator: f'{disk.image} does not open: {found.error}'
                for (locator, disk), found in zip(disks, self.prove(disks))
                if not found.opened}

    def attempt(self, where: Locator, disk: RbdDisk) -> open_check.Attempt:
        """Return a disk's case, or a failed proof if its secret is gone."""
        user, secret = cephx_keys.of_disk(self._context, where, disk)
        if user is None or secret is None:
            return open_check.Case(disk.image, disk.monitors, user, None)
        try:
            key = self._keys.of(secret)
        except exceptions.Gone as error:
            return open_check.Proof(False, error.message, 0.0)
        return open_check.Case(disk.image, disk.monitors, user, key)


def _is_cold(locator: Locator) -> bool:
    return registry.SPECS[locator.store].read_by_cold_start


def _disks(record: Record, name: str
           ) -> Iterator[tuple[Opened, Optional[RbdDisk]]]:
    """Yield the disks of a record, with None for untestable disks."""
    if record.document is None:
        yield Opened(record.locator, name, record.disk, None, _untried(
            record.unreadable or '')), None
        return
    for disk in record.document.disks:
        device = record.disk or device_of(disk.key)
        yield Opened(record.locator, name, device, disk.image,
                     _UNTRIED), disk
    for bad in record.document.unreadable:
        yield Opened(record.locator, name, bad.key, bad.image,
                     _untried(bad.reason)), None


_UNTRIED = open_check.Proof(False, 'not tried', 0.0)


def _untried(why: str) -> open_check.Proof:
    return dataclasses.replace(_UNTRIED, error=f'not tried: {why}')


def _disk(change: Change, key: str) -> RbdDisk:
    return next(disk for disk in change.document.disks if disk.key == key)
