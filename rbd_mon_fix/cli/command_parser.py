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

"""The parser of a command, with the options that every command has."""

from __future__ import annotations

import argparse
from typing import Any

from rbd_mon_fix.cli import argument_types
from rbd_mon_fix.cli import help_pages

FORMATS = ('table', 'json', 'yaml', 'csv', 'value')


def listing(commands: Any, name: str, text: str, words: str = '',
            prefix: str = help_pages.PROGRAM) -> argparse.ArgumentParser:
    """Add a command, or an action of a command, that lists something."""
    parser = bare(commands, name, text, prefix, words)
    parser.add_argument(
        '-f', '--format', choices=FORMATS, default='table', metavar='FORMAT',
        help=f'{", ".join(FORMATS[:-1])} or {FORMATS[-1]}; default: table')
    parser.add_argument(
        '-c', '--column', action='extend', type=argument_types.names,
        default=[], metavar='COLUMN',
        help='show only this column; repeatable, or a comma list')
    return parser


def bare(commands: Any, name: str, text: str,
         prefix: str = help_pages.PROGRAM,
         words: str = '') -> argparse.ArgumentParser:
    """Add a command, or an action of a command, with ``--help`` only.

    :param commands: the subparsers
    :param prefix: the words before the name
    :param words: the arguments after the options, for the line of usage
    """
    prog = f'{prefix} {name}'
    parser: argparse.ArgumentParser = commands.add_parser(
        name, prog=prog, usage=f'{prog} [options] {words}'.rstrip(),
        description=text, formatter_class=help_pages.Page, add_help=False,
        help=help_pages.summary(prog) or text.partition('. ')[0].rstrip('.')
        + '.')
    parser.add_argument(
        '-h', '--help', action='help',
        help='show this page; --help-all: the options of all commands')
    return parser
