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

"""Command lines whose options stand before or after the command."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from typing import Any, Iterator, Sequence

from oslo_config import cfg

from rbd_mon_fix.cli import help_pages
from rbd_mon_fix.conf import bad_values
from rbd_mon_fix.conf import ini

# oslo.config reads these where they stand, so that a file would replace the
# flags before it (_ConfigFileOpt in oslo_config/cfg.py).
_FILES = ('--config-file', '--config-dir')
_SCOPE = ('--host', '--all-hosts', '--instance', '--store', '--unmanaged',
          '--fsid')


class CommandLine(cfg.ConfigOpts):
    """A config whose options stand before or after the command.

    Values of the command line replace those in files.
    """

    def _parse_config_files(self) -> Any:
        """Put the words of the command line in order before parsing them."""
        top: Any = self._oparser
        # Otherwise oslo.config adds the arguments when it parses them.
        top.initialize_parser_arguments()
        self._args = ordered(top, self._args or ())
        if '--help' in self._args and all(
                word.startswith('-') for word in self._args):
            sys.stdout.write(help_pages.top())
            top.exit()
        bad_values.check(ini.own_files(
            self._values('--config-file') or self.default_config_files,
            self._values('--config-dir') or self.default_config_dirs))
        return super()._parse_config_files()

    def shared_options(self) -> list[str]:
        """Return the options that every command takes, such as the config.

        Once parsed, they come before the command, one word each.
        """
        return list(itertools.takewhile(
            lambda word: word.startswith('-'), self._args or ()))

    def scope_options(self) -> list[str]:
        """Return the options that select hosts, servers and stores."""
        return [word for word in self._args or ()
                if word.partition('=')[0] in _SCOPE]

    def _values(self, option: str) -> list[str]:
        return [word.partition('=')[2] for word in self._args or ()
                if word.startswith(f'{option}=')]


class _Sort(argparse.Action):
    """Put an option, as ``--option=value``, into the list for its place."""

    def __call__(self, parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace, values: Any,
                 option_string: object = None) -> None:
        name = next(each for each in self.option_strings
                    if each.startswith('--'))
        getattr(namespace, self.dest).append(
            name if self.nargs == 0 else f'{name}={values}')


def ordered(top: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """Return a command line with the options where argparse expects them.

    Config files come first, then the options of every command, the command,
    and its own options.

    :param top: the parser of the whole command line
    :raises SystemExit: an option is ambiguous, or lacks its value
    """
    found = argparse.Namespace(files=[], before=[], after=[])
    rest = _collector(top).parse_known_args(words, found)[1]
    cut = rest.index('--') if '--' in rest else len(rest)
    return [*found.files, *found.before, *rest[:cut], *found.after,
            *rest[cut:]]


def wants_debug(words: Sequence[str]) -> bool:
    """Tell whether a command line, parsed or not, asks for tracebacks."""
    return any(re.fullmatch('--debug|-[dv]*d[dv]*', word) for word in words)


def wanted_format(words: Sequence[str]) -> str:
    """Return the format that a command line, valid or not, asks for; or ''."""
    found = ''
    for word, following in zip(words, [*words[1:], '']):
        name, equals, value = word.partition('=')
        short = re.fullmatch('-[dv]*f=?(.*)', word)
        if short:
            found = short[1] or following
        elif len(name) > len('--f') and '--format'.startswith(name):
            found = value if equals else following
    return found


def _collector(top: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return a parser that knows the options of all commands."""
    collector = argparse.ArgumentParser(prog=top.prog, usage=top.usage,
                                        add_help=False)
    known: set[str] = set()
    for parser in _parsers(top):
        for action in parser._actions:
            if not action.option_strings or known & {*action.option_strings}:
                continue
            known.update(action.option_strings)
            collector.add_argument(
                *action.option_strings, action=_Sort, nargs=action.nargs,
                dest=_place(action, parser is top))
    return collector


def _place(action: argparse.Action, is_of_top: bool) -> str:
    if '--help' in action.option_strings or not is_of_top:
        return 'after'
    return 'files' if action.option_strings[0] in _FILES else 'before'


def _parsers(top: argparse.ArgumentParser
             ) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its commands, and of their actions."""
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for parser in action.choices.values():
                yield from _parsers(parser)
