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

"""Lines in the log that tell who ran which command, and how it ended."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import socket
import time
from typing import Optional, Sequence

from oslo_config import cfg
from oslo_log import log as logging

from rbd_mon_fix.conf import ini

LOG = logging.getLogger(__name__)

_LOGIN = '/proc/self/loginuid'
# The value of loginuid for a process that no login led to, such as a service
# (INVALID_UID in the kernel's include/linux/uidgid.h).
_NO_LOGIN = 0xFFFFFFFF

# The URI of a libvirt may have a user and a password. An @ in a password
# should be %40, but may be there.
_PASSWORD = re.compile(r'(://[^/?#@]*?:).*@', re.DOTALL)


def write(event: str, **fields: object) -> None:
    """Write a line of ``key=value`` pairs, quoted as in a shell.

    A value that is missing or empty is a dash.
    """
    LOG.info('event=%s %s', event, ' '.join(
        f'{name}={_value(value)}' for name, value in fields.items()))


class Command:
    """One command: a line at its beginning, and one at its end.

    :param words: the command line, without the name of the program
    """

    def __init__(self, words: Sequence[str]):
        self.words = words
        self._started = time.monotonic()
        self._name: Optional[str] = None

    def begin(self, conf: cfg.ConfigOpts, version: str) -> None:
        """Write who runs the command, and how it was called.

        :param conf: the parsed config; the log must have been set up
        """
        self._name = conf.command.name
        files = ini.own_files(conf.config_file or [], conf.config_dirs
                              or conf.config_dir or [])
        write('begin', command=self._name, user=_name(os.getuid()),
              sudo_user=_sudo_user(), login=_login(),
              host=socket.gethostname(), version=version,
              config=','.join(files),
              arguments=shlex.join(map(_masked, self.words)))

    def end(self, code: int) -> None:
        """Write how the command ended, if its beginning was written."""
        if self._name is not None:
            write('end', command=self._name, exit_code=int(code),
                  seconds=f'{time.monotonic() - self._started:.3f}')


def _value(value: object) -> str:
    return '-' if value in (None, '') else shlex.quote(str(value))


def _masked(word: str) -> str:
    """Hide the password of a URL in a word of the command line."""
    return _PASSWORD.sub(r'\1***@', word)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _sudo_user() -> Optional[str]:
    """Return who called sudo; other users could set the variable freely."""
    return os.environ.get('SUDO_USER') if os.geteuid() == 0 else None


def _login() -> Optional[str]:
    """Return who logged in; None if the kernel does not know.

    Unlike SUDO_USER, it survives ``su`` and cannot be set by the user.
    """
    try:
        with open(_LOGIN) as file:
            uid = int(file.read())
    except (OSError, ValueError):
        return None
    return None if uid == _NO_LOGIN else _name(uid)
