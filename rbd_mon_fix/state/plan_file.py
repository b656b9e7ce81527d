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

"""Files with saved plans, which hold no text of a document.

``plan_file.schema.json`` defines the format. A plan is carried out only if
the run makes the same plan again, so a file that others can alter does no
harm: unlike the journal, it may be in any folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import stat
from typing import Any, Iterable, Iterator, Mapping

from rbd_mon_fix import exceptions
from rbd_mon_fix.model import json_form
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.saved_plan import PlannedChange
from rbd_mon_fix.model.saved_plan import PlannedCluster
from rbd_mon_fix.model.saved_plan import PlannedEdit
from rbd_mon_fix.model.saved_plan import PlannedScope
from rbd_mon_fix.model.saved_plan import SavedPlan
from rbd_mon_fix.state import atomic_file
from rbd_mon_fix.state import private_folder

VERSION = 1
HINT = ('Make a new plan with "rbd-mon-fix refresh --dry-run --save-plan '
        'FILE".')

_OPTION = '--save-plan'
_SCHEMA = pathlib.Path(__file__).with_name('plan_file.schema.json')
# A change takes about a kilobyte.
_MAX_BYTES = 1 << 30


def check_target(path: str) -> None:
    """Check that a plan can be written, before the work of making it.

    :raises ConfigError: the folder cannot be used, or the name is that of a
        link, a device or a folder
    """
    try:
        with _folder_of(path):
            regular = (not os.path.lexists(path)
                       or stat.S_ISREG(os.lstat(path).st_mode))
    except OSError as error:
        raise exceptions.ConfigError(
            f'Cannot save the plan to {path}: {error.strerror}.',
            f'Give another file with {_OPTION}.') from error
    if not regular:
        raise exceptions.ConfigError(
            f'Cannot save the plan to {path}: it is not a regular file.',
            f'Give another file with {_OPTION}.')


def write(path: str, plan: SavedPlan) -> None:
    """Write a plan, or replace the file.

    :raises ConfigError: as ``check_target`` does
    :raises RbdMonFixError: the file cannot be written
    """
    check_target(path)
    content = json.dumps(_document(plan), indent=1) + '\n'
    try:
        with _folder_of(path) as folder:
            atomic_file.replace(
                folder, os.path.basename(os.path.abspath(path)),
                content.encode(), 0o600)
    except OSError as error:
        raise exceptions.RbdMonFixError(
            f'Cannot save the plan to {path}: {error.strerror}.',
            f'Correct it, or give another file with {_OPTION}.') from error


def read(path: str) -> SavedPlan:
    """Read a plan; the caller checks its digest.

    :raises ConfigError: the file cannot be read, is damaged, or was written
        by another version
    """
    try:
        document = json.loads(_content(path))
        _check_version(document)
        json_form.check(document, json.loads(
            _SCHEMA.read_text(encoding='utf-8')))
        return _plan(document)
    except OSError as error:
        raise exceptions.ConfigError(
            f'Cannot read the plan {path}: {error.strerror}.', HINT
            ) from error
    except json_form.Misfit as error:
        raise exceptions.ConfigError(
            f'Invalid plan {path}: {error}.', HINT) from error
    except (ValueError, RecursionError) as error:
        raise exceptions.ConfigError(
            f'The plan {path} is damaged: it is not valid JSON.', HINT
            ) from error


@contextlib.contextmanager
def _folder_of(path: str) -> Iterator[private_folder.PrivateFolder]:
    """Open the folder of a file for the block, whoever may write to it."""
    folder = os.path.dirname(os.path.abspath(path))
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield private_folder.PrivateFolder(fd, folder, _OPTION)
    finally:
        os.close(fd)


def _content(path: str) -> str:
    # Without O_NONBLOCK, opening a named pipe would block.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, 'rb') as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise json_form.Misfit('it is not a regular file')
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise json_form.Misfit(f'it is larger than {_MAX_BYTES >> 30} GiB')
    return content.decode()


def _check_version(document: object) -> None:
    """Check the version first: another one may have another form."""
    if not isinstance(document, dict) or 'version' not in document:
        raise json_form.Misfit('it is not a plan of rbd-mon-fix')
    if document['version'] != VERSION:
        raise json_form.Misfit(
            'it was written by a version of rbd-mon-fix with another format')


def _document(plan: SavedPlan) -> dict[str, object]:
    return {
        'version': VERSION,
        'digest': plan.digest,
        'made': plan.made,
        'program': plan.program,
        'request': vars(plan.scope),
        'clusters': [{**vars(cluster), 'monitors': _texts(cluster.monitors)}
                     for cluster in plan.clusters],
        'changes': [{
            **change.locator._asdict(), 'before': change.before,
            'after': change.after, 'edits': [
                {**vars(edit), 'old': _texts(edit.old),
                 'new': _texts(edit.new)} for edit in change.edits]}
            for change in plan.changes]}


def _plan(document: Mapping[str, Any]) -> SavedPlan:
    request = document['request']
    return SavedPlan(
        document['digest'], document['made'], document['program'],
        PlannedScope(tuple(request['hosts']), tuple(request['stores']),
                     tuple(request['instances']), request['unmanaged']),
        tuple(PlannedCluster(each['name'], each['fsid'],
                             _addrs(each['monitors']))
              for each in document['clusters']),
        tuple(map(_change, document['changes'])))


def _change(fields: Mapping[str, Any]) -> PlannedChange:
    return PlannedChange(
        Locator(*(fields[key] for key in ('store', 'host', 'instance',
                                          'key'))),
        fields['before'], fields['after'], tuple(
            PlannedEdit(edit['disk'], edit['image'], edit['cluster'],
                        _addrs(edit['old']), _addrs(edit['new']))
            for edit in fields['edits']))


def _addrs(texts: Iterable[str]) -> tuple[MonAddr, ...]:
    try:
        return tuple(map(MonAddr.parse, texts))
    except ValueError as error:
        raise json_form.Misfit(str(error)) from error


def _texts(addrs: Iterable[MonAddr]) -> list[str]:
    return list(map(str, addrs))
