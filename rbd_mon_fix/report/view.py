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

"""What an operator wants to see in a table, and may type next."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Sequence

PROGRAM = 'rbd-mon-fix'


@dataclasses.dataclass(frozen=True)
class View:
    """The options of a table.

    :param verbose: whether to show every copy with its evidence
    :param everything: whether to list servers that are in order
    :param shared: the options of every command, such as ``--config-file``
    :param scope: the options that select hosts, servers and stores
    :param options: other options that a repetition needs
    """

    verbose: bool = False
    everything: bool = False
    shared: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def command(self, *words: str) -> str:
        """Return a complete command line, quoted for a shell."""
        return shlex.join([PROGRAM, *self.shared, *words])

    def scoped(self, command: str, *words: str) -> str:
        """Return a command line for the same hosts, servers and stores."""
        return self.command(command, *self.scope, *words)

    def again(self, command: str, *words: str) -> str:
        """Return a command line with all options that were given."""
        return self.scoped(command, *self.options, *words)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the options that select hosts."""
        pairs = zip(self.scope, (*self.scope[1:], ''))
        return tuple(word for name, value in pairs
                     for word in (name, value) if name == '--host')

    @property
    def proves(self) -> bool:
        """Return whether ``verify`` takes the same scope.

        It looks at one host, the one that it runs on.
        """
        one = len(self.hosts) <= 2 and not any(
            host.startswith('@') or ',' in host for host in self.hosts)
        return one and not {'--all-hosts', '--store'} & {*self.scope}


PLAIN = View()


def split(options: Sequence[str]) -> tuple[str, ...]:
    """Return ``--option=value`` as two words, which are easier to read.

    An option whose value starts with a dash stays one word.
    """
    words: list[str] = []
    for option in options:
        name, equals, value = option.partition('=')
        words += ([name, value] if equals and not value.startswith('-')
                  and name.startswith('--') else [option])
    return tuple(words)
