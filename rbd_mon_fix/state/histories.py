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

"""Files with the monmap epochs that earlier runs learnt, by fsid."""

from __future__ import annotations

import json
import os
from typing import Any, Iterable

from oslo_log import log as logging

from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.state import atomic_file
from rbd_mon_fix.state import private_folder

LOG = logging.getLogger(__name__)

VERSION = 1

_FOLDER = 'histories'


def path(folder: str, fsid: str) -> str:
    """Return the path of a cluster's file.

    :param folder: the journal directory
    """
    return os.path.join(folder, _FOLDER, _name(fsid))


def load(folder: str, fsid: str) -> MonHistory:
    """Return the saved history of a cluster; empty if there is no file.

    A file that cannot be read counts as empty: the cluster is asked again.

    :raises ConfigError: other users could have altered the file
    """
    try:
        with private_folder.opened(os.path.join(folder, _FOLDER)) as place:
            document = json.loads(place.read(_name(fsid)))
        if document['version'] != VERSION:
            return MonHistory()
        return MonHistory().merged(map(_epoch, document['epochs']))
    except (FileNotFoundError, NotADirectoryError):
        return MonHistory()
    except (OSError, ValueError, OverflowError, KeyError, TypeError,
            AttributeError, RecursionError) as error:
        reason = type(error).__name__
    LOG.warning('Ignoring %s: %s.', path(folder, fsid), reason)
    return MonHistory()


def save(folder: str, fsid: str, history: MonHistory) -> None:
    """Replace the file of a cluster.

    If the file cannot be written, later runs ask the cluster again.

    :raises ConfigError: other users could alter the file
    """
    document = {'version': VERSION, 'fsid': fsid,
                'epochs': list(map(_members, history.epochs))}
    try:
        with private_folder.opened(os.path.join(folder, _FOLDER),
                                   create=0o700) as place:
            atomic_file.replace(
                place, _name(fsid),
                (json.dumps(document, indent=1) + '\n').encode(), 0o600)
    except OSError as error:
        LOG.debug('%s cannot be written: %s', path(folder, fsid),
                  error.strerror)


def _name(fsid: str) -> str:
    return f'{fsid}.json'


def _members(epoch: MonEpoch) -> dict[str, object]:
    return {'epoch': epoch.epoch, 'modified': epoch.modified, 'monitors': [
        {'name': monitor.name, 'addr': str(monitor.addr),
         'addrs': list(map(str, monitor.addrs))}
        for monitor in epoch.monmap.monitors]}


def _epoch(members: dict[str, Any]) -> MonEpoch:
    return MonEpoch(int(members['epoch']), str(members['modified']), MonMap(
        tuple(map(_monitor, members['monitors']))))


def _monitor(members: dict[str, Any]) -> Monitor:
    return Monitor(str(members['name']), MonAddr.parse(members['addr']),
                   _addrs(members['addrs']))


def _addrs(words: Iterable[str]) -> tuple[MonAddr, ...]:
    return tuple(map(MonAddr.parse, words))
