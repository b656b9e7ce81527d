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

"""The file in the journal directory that maps each backend to an fsid."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Mapping

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.state import atomic_file
from rbd_mon_fix.state import private_folder

VERSION = 1
_NAME = 'clusters.json'


def path(folder: str) -> str:
    """Return the path of the file.

    :param folder: the journal directory
    """
    return os.path.join(folder, _NAME)


def load(folder: str) -> dict[Backend, str]:
    """Return the recorded fsid of each backend; empty before the first run.

    :raises ConfigError: the file cannot be read or is damaged, or other
        users could have altered it
    """
    name = path(folder)
    try:
        with private_folder.opened(folder) as place:
            document = json.loads(place.read(_NAME))
        return {_backend(entry): str(entry['fsid'])
                for entry in document['backends']}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise exceptions.ConfigError(
            f'Cannot read {name}: {error.strerror}.',
            'Run as the user who wrote the journal.') from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise exceptions.ConfigError(
            f'{name} is damaged.', 'Find out why. The file records the '
            'cluster of each backend; if you move the file away, the next '
            'run records the clusters again.') from error


def save(folder: str, fsids: Mapping[Backend, str]) -> None:
    """Replace the file atomically.

    When runs on two hosts save at the same time, the later save wins; the
    next run records the lost entries again.

    :raises ConfigError: the file cannot be written, or other users could
        alter it
    """
    document = {'version': VERSION, 'backends': [
        {**dataclasses.asdict(backend), 'fsid': fsid}
        for backend, fsid in fsids.items()]}
    try:
        with private_folder.opened(folder) as place:
            atomic_file.replace(
                place, _NAME,
                (json.dumps(document, indent=2) + '\n').encode(), 0o600)
    except OSError as error:
        raise exceptions.ConfigError(
            f'Cannot write {path(folder)}: {error.strerror}.',
            'Nothing was changed. Choose another directory with '
            '--journal-dir, or run as a user who may write there.') from error


def _backend(entry: dict[str, str]) -> Backend:
    return Backend(entry['owner'], entry['name'], entry['pool'],
                   entry['user'], entry['secret_uuid'])
