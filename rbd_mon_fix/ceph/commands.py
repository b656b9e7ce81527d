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

"""Run several of Ceph's commands at once, and read their JSON.

The commands run as an administrator of the cluster. None of them outlives
the call, however it ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from typing import Any, Callable, Sequence, TypeVar

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.ceph import parallel
from rbd_mon_fix.model.cluster import Way

R = TypeVar('R')

# Seconds for one command. The monitors answer late during an election.
TIMEOUT = 20.0

_AT_ONCE = 8

# More than a name in Ceph can have, and less than Linux takes.
_LONGEST = 4096


@dataclasses.dataclass(frozen=True)
class Administrator:
    """A cephx user that may read everything in a cluster.

    :param cluster: the name of the cluster
    :param way: the ``ceph`` arguments of the services for the cluster
    :param user: the cephx user to use instead, without ``client.``
    """

    cluster: str
    way: Way
    user: str

    def run(self, commands: Sequence[parallel.Words],
            read: Callable[[parallel.Words, parallel.Answer], R],
            timeout: float = TIMEOUT) -> list[R]:
        """Run commands, and return what each answer is read as.

        The first error of a reader ends all commands.

        :param read: called with a whole command and its answer
        :param timeout: seconds for each command
        :raises Unreachable: a command is not installed
        :raises OSError: this process has too many open files, for example
        """
        return parallel.run(
            [client.arguments(words, self.way.conf, self.way.flag, self.user)
             for words in commands], read, _AT_ONCE, timeout)

    def ask(self, *words: str) -> Any:
        """Run one command, and return its JSON.

        :raises Unreachable: the command fails, or prints no JSON
        """
        return parse(self.run([words], self.output)[0], ' '.join(words[:2]))

    def output(self, words: parallel.Words, answer: parallel.Answer) -> str:
        """Return what a command printed.

        :raises Unreachable: the command failed
        """
        self.require(answer)
        if answer.code != 0:
            raise exceptions.Unreachable(
                f'Cluster {self.cluster}: "{" ".join(words)}" failed: '
                f'{answer.told}', 'Check the cluster with "ceph health", and '
                'run it again.')
        return answer.out

    def require(self, answer: parallel.Answer) -> None:
        """Raise an error if the cluster refused the cephx user.

        :raises Unreachable: it did
        """
        if answer.is_refused:
            raise exceptions.Unreachable(
                f'Cluster {self.cluster} refuses client.{self.user}: '
                f'{answer.told}',
                'This needs a cephx user with the caps mon "allow *" and osd '
                '"profile rbd-read-only", such as client.admin. Run it where '
                f'the keyring is, /etc/ceph/ceph.client.{self.user}.keyring '
                'for example, or name another user with --ceph-admin-user.')


def parse(text: str, what: str) -> Any:
    """Return the value of a JSON text.

    :param what: the command that printed it
    :raises Unreachable: the text is no JSON
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unusable(what, type(error).__name__) from None


def unusable(what: str, why: str) -> exceptions.Unreachable:
    """Return the error for an answer of another form than Ceph's."""
    return exceptions.Unreachable(
        f'"{what}" printed an unusable answer: {why}.',
        'Run the command by hand to see its output. Ceph 15.2.11, 16.2.1 or '
        'later is needed.')


def name(value: object, what: str) -> str:
    """Return the name of an image, a pool or a monitor in an answer.

    :raises Unreachable: it cannot be a word of a command
    """
    if isinstance(value, str) and value and '\0' not in value:
        with contextlib.suppress(UnicodeEncodeError):
            if len(os.fsencode(value)) <= _LONGEST:
                return value
    raise unusable(what, 'a name is invalid')
