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

"""Another client redefines shut-off domains while they are refreshed.

Run: python -m tests.faults.libvirt_races --seconds 60

The other client writes a new description with each define, like ``virsh
edit``, and so sees which of its descriptions were overwritten. Libvirt has no
compare-and-swap, so some are; none of these writes may be called fixed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from typing import Iterator, Optional, Sequence
import uuid as uuid_module

import libvirt

from rbd_mon_fix.clients import libvirt as clients_libvirt
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.stores.domain import DomainStore
from tests.functional import guests
from tests.functional import libvirtd

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
UUIDS = [str(uuid_module.UUID(int=0xfa000 + number)) for number in range(4)]
LISTS = [tuple(MonAddr(f'192.0.2.{site}{number}', 6789)
               for number in (1, 2, 3)) for site in (1, 2)]
FLAGS = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
TAG = re.compile('<description>(.*?)</description>')


@dataclasses.dataclass(frozen=True)
class Edit:
    """A define of the other client, with the tags before and after."""

    uuid: str
    found: str
    tag: str
    begin: float
    end: float


@dataclasses.dataclass(frozen=True)
class Put:
    """A write of ours, which keeps the tag that was read."""

    uuid: str
    tag: str
    begin: float
    end: float
    verdict: Verdict


def race(uri: str, seconds: float, pause: float) -> dict[str, object]:
    """Refresh domains while another client edits them, and count.

    :param pause: mean seconds between two edits
    """
    hypervisor = clients_libvirt.connect(uri)
    with _defined(hypervisor):
        editing = (_Thread if '/embed' in uri else _Process)(
            uri, seconds, pause)
        puts: list[Put] = []
        rounds = 0
        for monitors in itertools.cycle(LISTS):
            if editing.has_ended():
                break
            puts += _refresh(DomainStore(hypervisor), monitors)
            rounds += 1
        edits = editing.edits()
        last = {uuid: _tag(hypervisor.inactive_xml(uuid)) for uuid in UUIDS}
    hypervisor.close()
    return {'seconds': seconds, 'pause': pause, 'rounds': rounds,
            **_counts(edits, puts, last)}


def edit(uri: str, seconds: float, pause: float) -> list[Edit]:
    """Edit the domains, like a person who is not aware of a refresh."""
    connection = libvirt.open(uri)
    chance = random.Random(seconds)
    until = time.monotonic() + seconds
    edits = []
    while time.monotonic() < until:
        uuid = chance.choice(UUIDS)
        text = connection.lookupByUUIDString(uuid).XMLDesc(FLAGS)
        tag = f'edit-{len(edits)}'
        begin = time.monotonic()
        connection.defineXML(TAG.sub(f'<description>{tag}</description>',
                                     text))
        edits.append(Edit(uuid, _tag(text), tag, begin, time.monotonic()))
        time.sleep(chance.random() * 2 * pause)
    connection.close()
    return edits


class _Process:
    """The other client in a process of its own."""

    def __init__(self, *arguments: object):
        self._out = tempfile.TemporaryFile('w+')
        self._process = subprocess.Popen(
            [sys.executable, '-m', __spec__.name, '--edit',
             *map(str, arguments)], cwd=REPOSITORY, stdout=self._out)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def edits(self) -> list[Edit]:
        assert self._process.wait() == 0
        self._out.seek(0)
        return [Edit(**each) for each in json.load(self._out)]


class _Thread:
    """The other client here: an embedded driver has only one process."""

    def __init__(self, uri: str, seconds: float, pause: float):
        self._edits: list[Edit] = []
        self._thread = threading.Thread(
            target=lambda: self._edits.extend(edit(uri, seconds, pause)))
        self._thread.start()

    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def edits(self) -> list[Edit]:
        self._thread.join()
        return self._edits


@contextlib.contextmanager
def _defined(hypervisor: clients_libvirt.Hypervisor) -> Iterator[None]:
    for number, uuid in enumerate(UUIDS):
        hypervisor.define(guests.guest(
            guests.PLAIN, name=f'race-{number}', uuid=uuid,
            metadata='<description>first</description>'))
    yield
    for uuid in UUIDS:
        hypervisor._handle(uuid).undefine()


def _refresh(store: DomainStore, monitors: Sequence[MonAddr]) -> list[Put]:
    changes = {record.locator: guests.change(record, monitors)
               for record in store.scan(Scope('h', {
                   uuid: Instance(uuid, 'h') for uuid in UUIDS}))}
    begin = time.monotonic()
    outcomes = store.put(list(changes.values()))
    end = time.monotonic()
    return [Put(outcome.locator.key, _written(changes[outcome.locator]),
                begin, end, outcome.verdict) for outcome in outcomes]


def _counts(edits: Sequence[Edit], puts: Sequence[Put],
            last: dict[str, str]) -> dict[str, object]:
    lost = [each for uuid in UUIDS for each in _lost(
        [each for each in edits if each.uuid == uuid], last[uuid])]
    culprits = [_culprits(each, puts) for each in lost]
    return {
        'foreign_defines': len(edits),
        'verdicts': dict(collections.Counter(
            put.verdict.value for put in puts)),
        'lost': len(lost),
        'lost_unexplained': culprits.count(set()),
        'lost_called_fixed': culprits.count({Verdict.FIXED})}


def _lost(edits: Sequence[Edit], last: str) -> Iterator[Edit]:
    """Yield the edits of a domain that the next look did not find."""
    for each, then in itertools.zip_longest(edits, edits[1:]):
        if each.tag != (then.found if then else last):
            yield each


def _culprits(lost: Edit, puts: Sequence[Put]) -> set[Verdict]:
    """Return the verdicts of the writes that may have overwritten an edit.

    The culprit was at work during the edit; so may have been an innocent
    write right before it. The culprit's tag is the one that the edit found,
    unless an earlier write came between the look and the define of the edit.
    """
    suspects = [put for put in puts
                if put.uuid == lost.uuid and put.tag != lost.tag
                and put.begin <= lost.end and put.end >= lost.begin
                and put.verdict in (Verdict.FIXED, Verdict.UNVERIFIED)]
    exact = [put for put in suspects if put.tag == lost.found]
    return {put.verdict for put in exact or suspects}


def _written(change: Change) -> str:
    return _tag(change.document.text)


def _tag(text: str) -> str:
    found = TAG.search(text)
    assert found is not None
    return found[1]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog='python -m tests.faults.libvirt_races')
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--pause', type=float, default=0.005,
                        help='mean seconds between two foreign defines')
    parser.add_argument('--uri', help='default: a private libvirtd')
    parser.add_argument('--edit', nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.edit:
        uri, seconds, pause = args.edit
        json.dump([dataclasses.asdict(each) for each in edit(
            uri, float(seconds), float(pause))], sys.stdout)
        return 0
    with contextlib.ExitStack() as stack:
        uri = args.uri or stack.enter_context(libvirtd.running(
            pathlib.Path(stack.enter_context(
                tempfile.TemporaryDirectory()), 'libvirtd'), 'race')).uri
        counts = race(uri, args.seconds, args.pause)
    print(json.dumps(counts))
    return 1 if counts['lost_called_fixed'] else 0


if __name__ == '__main__':
    code = main()
    sys.stdout.flush()
    os._exit(code)
