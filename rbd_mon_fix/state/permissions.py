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

"""The rule for files and folders that no other user can alter.

They belong to root or to us, and nobody else can write to them. With an access
list, the group bits of the mode are its mask (acl(5)), so they tell of it too.
"""

from __future__ import annotations

import os
import shlex
import stat

from rbd_mon_fix import exceptions


def check(path: str, found: os.stat_result, option: str,
          above: bool = False) -> None:
    """Check a file or folder that was opened.

    :param option: the option that leads there, for hints
    :param above: whether this is a folder on the way; it may be sticky,
        because others cannot rename there what is not theirs
    :raises ConfigError: it belongs to others, or they can write to it
    """
    check_owner(path, found, option)
    if not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return
    if above and found.st_mode & stat.S_ISVTX:
        return
    raise refused(
        path, 'can be written by other users (mode '
        f'{stat.S_IMODE(found.st_mode):04o})',
        f"run 'chmod go-w {shlex.quote(path)}'", option)


def check_owner(path: str, found: os.stat_result, option: str) -> None:
    """Check whose a file, folder or link is; raise as ``check`` does."""
    me = os.geteuid()
    if found.st_uid in (0, me):
        return
    raise refused(
        path, f'belongs to user {found.st_uid}',
        f"run 'chown -h {me or 'root'} {shlex.quote(path)}'", option)


def refused(path: str, why: str, advice: str,
            option: str) -> exceptions.ConfigError:
    """Return the error for a file or folder that must not be used."""
    return exceptions.ConfigError(
        f'{path} {why}.', 'Other users could alter or redirect the files '
        f'there. Look at it, then {advice}, or choose another directory with '
        f'{option}.')
