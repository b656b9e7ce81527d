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

"""Write the completions for bash, zsh and fish into ``completion/``.

Run this with ``tox -e completion`` after a change of an option. They are
generated before a release, not when it is installed: a package is then built
without importing anything, and its completions do not depend on the version
of oslo.log there.
"""

from __future__ import annotations

import argparse
import importlib
import pathlib
from typing import Iterator, Optional

from oslo_config import cfg
import shtab

from rbd_mon_fix.cli import help_pages
from rbd_mon_fix.cli import journal
from rbd_mon_fix.cli import parser
from rbd_mon_fix.conf import options
from rbd_mon_fix.report import schema

FOLDER = pathlib.Path(__file__).resolve().parents[1] / 'completion'
FILES = {'bash': FOLDER / 'rbd-mon-fix', 'zsh': FOLDER / '_rbd-mon-fix',
         'fish': FOLDER / 'rbd-mon-fix.fish'}

# Options of oslo.config and oslo.log that an operator types; the others are
# behind --help-all and in config files.
_LIBRARIES = [
    (('--config-file',), 'FILE', 'A config file of rbd-mon-fix'),
    (('--config-dir',), 'DIR', 'A folder of config files of rbd-mon-fix'),
    (('-d', '--debug'), None, 'Show more log lines, and tracebacks'),
    (('--log-file',), 'FILE', 'The file for log lines'),
    (('--help-all',), None, 'Show the options of all commands'),
    (('--version',), None, 'Show the version')]


def content(shell: str) -> str:
    """Return the completion for a shell."""
    text = shtab.complete(_top(), shell)
    return ''.join(f'{line.rstrip()}\n' for line in text.splitlines())


def _top() -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Every option stands before or after the command, so each parser has those
    of all commands as well.
    """
    top = argparse.ArgumentParser(help_pages.PROGRAM)
    parser.add_parsers(top.add_subparsers(dest='command'), None)
    for path, found in _parsers(top, ()):
        found.description = help_pages.SUMMARIES.get(' '.join(path)) or (
            found.description or '').partition('. ')[0]
        for action in found._actions:
            if '--column' in action.option_strings:
                action.choices = _columns(path)
        _add_common(found)
        for action in found._actions:
            if action.metavar in ('FILE', 'PATH'):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar == 'DIR':
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    return top


def _parsers(found: argparse.ArgumentParser, path: tuple[str, ...]
             ) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield path, found
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _parsers(inner, (*path, name))


def _columns(path: tuple[str, ...]) -> tuple[str, ...]:
    if path[0] == 'journal':
        return journal.RUNS if path[1] == 'list' else journal.CHANGES
    if path[0] in ('status', 'refresh', 'rollback'):
        return schema.columns(schema.Kind(path[0]))
    module = importlib.import_module(f'rbd_mon_fix.cli.{path[0]}')
    found: tuple[str, ...] = module.COLUMNS
    return found


def _add_common(found: argparse.ArgumentParser) -> None:
    for names, metavar, text in _LIBRARIES:
        _add(found, names, metavar, text)
    for prefix, opts in (('', options.OPTS), ('ceph-', options.CEPH_FLAGS),
                         ('hook-', options.HOOK_OPTS),
                         ('shield-', options.SHIELD_OPTS)):
        for opt in opts:
            # zsh takes no quotes there.
            metavar = (None if isinstance(opt, cfg.BoolOpt)
                       else opt.metavar.replace('"', ''))
            _add(found, (f'--{prefix}{opt.name}',), metavar,
                 opt.help.partition('. ')[0])


def _add(found: argparse.ArgumentParser, names: tuple[str, ...],
         metavar: Optional[str], text: str) -> None:
    if metavar is None:
        found.add_argument(*names, action='store_true', help=text)
    else:
        found.add_argument(*names, metavar=metavar, help=text)


if __name__ == '__main__':
    FOLDER.mkdir(exist_ok=True)
    for each, path in FILES.items():
        path.write_text(content(each))
