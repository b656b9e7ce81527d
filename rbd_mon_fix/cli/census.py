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

"""What ``guests --from-ceph`` and ``gate`` print alike."""

from __future__ import annotations

import itertools
from typing import Any, Iterator, Optional, Sequence, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import failures
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.report import census_screen
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema

COLUMNS = ('cluster', 'image', 'client', 'address', 'monitors', 'ready',
           'state', 'reason')

Found = Sequence[engine.ClusterCensus]


def watchers(found: Found) -> list[census_screen.WatcherLine]:
    """Return the watchers in all clusters, and the images without any known.

    An image that was read in one of two readings only has entries of both
    kinds.
    """
    return [*itertools.chain.from_iterable(map(_of_cluster, found))]


def _of_cluster(each: engine.ClusterCensus
                ) -> Iterator[census_screen.WatcherLine]:
    name = each.cluster.name
    doubt = '; '.join(_silent(each))
    for found in each.watchers:
        watcher = found.watcher
        is_unknown = found.state is GuestState.UNKNOWN
        yield census_screen.WatcherLine(
            name, str(watcher.image), watcher.client, watcher.address,
            found.monitors, found.state, found.ready,
            each.unread.get(watcher.image, doubt) if is_unknown else '')
    for image, why in each.unread.items():
        yield census_screen.WatcherLine(
            name, str(image), None, '', (), GuestState.UNKNOWN, False, why)


def silent(found: Found) -> list[str]:
    """Return the monitors that did not tell their clients, with reasons."""
    return [f'Cluster {each.cluster.name}: {text}'
            for each in found for text in _silent(each)]


def _silent(each: engine.ClusterCensus) -> Iterator[str]:
    for name, why in each.silent.items():
        yield f'mon.{name} did not tell its clients: {why.rstrip(".")}'


def write(conf: cfg.ConfigOpts, out: TextIO, columns: Sequence[str],
          found: Found, **fields: object) -> None:
    """Write the watchers in a format for programs, or chosen columns.

    :param fields: more keys of the document
    """
    rows = list(map(_row, watchers(found)))
    listing.write(
        conf.command.format, out, columns, rows,
        schema.document(
            failure(found),
            clusters=[schema.cluster(each.cluster, None) for each in found],
            **fields, watchers=rows))


def _row(line: census_screen.WatcherLine) -> dict[str, Any]:
    return {'cluster': line.cluster, 'image': line.image,
            'client': line.client, 'address': line.address or None,
            'monitors': list(line.monitors), 'ready': line.ready,
            'state': line.state.value, 'reason': line.reason or None}


def failure(found: Found) -> Optional[ending.Failure]:
    """Return the reason for code 5; None if all monitors told."""
    told = silent(found)
    return failures.of_error(exceptions.Unreachable(
        f'{". ".join(told)}.', 'Run it again once these monitors answer.')
        ) if told else None


def exit_code(found: Found) -> exit_codes.ExitCode:
    """Return 0 only if all monitors told, and every watcher is ready."""
    return exit_codes.of_look(
        any(not each.ready for each in watchers(found)), silent(found))
