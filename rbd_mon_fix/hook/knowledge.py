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

"""The knowledge file of the hook: right and known addresses by cluster.

The script that reads the file imports nothing of this package, so the format
of a ``VERSION`` never changes. The file holds no names of pools or users:
sites repeat them, and only addresses tell whose a disk is.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any, Iterable, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.model import monmap
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import RunSummary

VERSION = 2

_DEFAULT_PORTS = (monmap.V1_PORT, monmap.V2_PORT)


class Outdated(exceptions.Unreadable):
    """An earlier version wrote the file; its content is of no use."""


@dataclasses.dataclass(frozen=True)
class Known:
    """One cluster as the hook knows it.

    :param fsid: None if it is unknown, and then there are no monitors
    :param monitors: the right monitors, in the order to write them; empty
        if they are unknown, and then the hook changes nothing
    :param addresses: every address that is, or was, the cluster's own
    """

    name: str
    fsid: Optional[str]
    monitors: tuple[MonAddr, ...] = ()
    addresses: frozenset[MonAddr] = frozenset()


_NOBODY = Known('', None)


def learn(clusters: Iterable[Cluster], doubtful: Iterable[Cluster],
          before: Iterable[Known]) -> tuple[Known, ...]:
    """Return the clusters that the hook should know.

    Nothing is carried over for a reliable cluster. Its history never
    shrinks, and --journal-dir keeps it, so an address that is no longer
    among the evidence has become somebody else's.

    All other clusters get no monitors, because the right ones are unknown.
    Their addresses are kept, so that the hook does not take their disks for
    those of a cluster that has one of these addresses as well.

    :param clusters: clusters whose monitors are reliable, with the former
        addresses at which monitors still answer
    :param doubtful: the other clusters of the config
    :param before: the clusters that the hook knew
    """
    old: dict[Optional[str], Known] = {
        each.fsid: each for each in before if each.fsid is not None}
    taught = [Known(each.name, each.fsid, each.monmap.addrs,
                    _addresses(each, each.greeted or ()))
              for each in clusters]
    doubted = [Known(each.name, each.fsid, (), _addresses(each, ())
                     | old.get(each.fsid, _NOBODY).addresses)
               for each in doubtful]
    named = {each.fsid for each in (*taught, *doubted)}
    return (*taught, *doubted,
            *(dataclasses.replace(each, monitors=())
              for fsid, each in old.items() if fsid not in named))


def replaced(runs: Iterable[RunSummary]
             ) -> dict[Optional[str], frozenset[MonAddr]]:
    """Return the addresses that runs replaced, by the fsid of the cluster.

    The evidence of a run may be gone: a statement on the command line, a
    monitors file. Images saved with these addresses are still there. Runs
    that were cut off count. Runs that were rolled back do not: the statement
    may have been wrong.
    """
    known = list(runs)
    undone = {run.undoes for run in known
              if run.finished and set(run.outcomes) == {Verdict.FIXED}}
    found: dict[Optional[str], frozenset[MonAddr]] = {}
    for run in known:
        if run.undoes is None and run.id not in undone:
            for fsid, addrs in run.replaced.items():
                found[fsid] = found.get(fsid, frozenset()) | addrs
    return found


def alike(one: Iterable[Known], other: Iterable[Known]) -> bool:
    """Return whether the hook does the same with either knowledge."""
    left, right = ({(each.fsid, frozenset(each.monitors), each.addresses)
                    for each in side} for side in (one, other))
    return left == right


def _addresses(cluster: Cluster,
               greeting: Iterable[MonAddr]) -> frozenset[MonAddr]:
    """Return the addresses of a cluster in each form that documents use.

    :param greeting: former addresses at which somebody's monitor lives
    """
    present = _endpoints(*(each.addrs for each in cluster.monmap.monitors))
    former = _endpoints(*(each.addrs for each in cluster.former),
                        cluster.stated)
    strangers = _endpoints(greeting)
    known = present | (former - strangers)
    # Without a port, librados tries both default ports.
    hosts = {addr.host for addr in known if addr.port in _DEFAULT_PORTS}
    hosts -= {addr.host for addr in strangers}
    return known | {MonAddr(host, None) for host in hosts}


def _endpoints(*addrs: Iterable[MonAddr]) -> frozenset[MonAddr]:
    return frozenset(
        MonAddr(addr.host, port) for addr in itertools.chain(*addrs)
        if not addr.is_placeholder
        for port in (_DEFAULT_PORTS if addr.port is None else (addr.port,)))


def dumps(known: Iterable[Known], written: str) -> bytes:
    """Return the content of the knowledge file.

    :param written: the time, ISO 8601
    """
    return json.dumps({'version': VERSION, 'written': written, 'clusters': [
        {'name': each.name, 'fsid': each.fsid,
         'monitors': list(map(str, each.monitors)),
         'known': sorted(map(str, each.addresses))}
        for each in known]}, indent=1).encode() + b'\n'


def loads(content: bytes) -> tuple[tuple[Known, ...], str]:
    """Return the clusters of a knowledge file, and when it was written.

    :raises Outdated: an earlier version wrote this content
    :raises Unreadable: ``dumps`` did not write this content
    """
    try:
        document = json.loads(content.decode())
        _check_version(document['version'])
        return (tuple(map(_known, document['clusters'])),
                str(document['written']))
    except (ValueError, TypeError, KeyError, AttributeError,
            RecursionError) as error:
        raise exceptions.Unreadable(
            'rbd-mon-fix did not write this file') from error


def _check_version(version: object) -> None:
    if version == VERSION:
        return
    if version in range(VERSION):
        raise Outdated('an earlier version of rbd-mon-fix wrote this file')
    raise exceptions.Unreadable('the file has another version')


def _known(fields: dict[str, Any]) -> Known:
    return Known(
        fields['name'], fields['fsid'],
        tuple(map(MonAddr.parse, fields['monitors'])),
        frozenset(map(MonAddr.parse, fields['known'])))
