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

"""The pages of ``--help``, each for a terminal of 24 lines and 80 columns."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any, Optional

PROGRAM = 'rbd-mon-fix'
USAGE = '%(prog)s [options] COMMAND [options]'

DESCRIPTION = (
    'Find and refresh stale Ceph monitor addresses in Nova, Cinder and '
    'libvirt.')

# The commands, in the usual order.
SUMMARIES = {
    'preflight': 'Check everything that a run needs.',
    'monitors': 'Show the clusters, their right monitors, and which answer.',
    'status': 'Show the copies of monitor addresses, and what would fail.',
    'refresh': 'Correct stale and drifted copies; running guests go on.',
    'verify': 'Have QEMU open each disk as a cold start would.',
    'guests': 'Show whether running guests follow the monitors.',
    'gate': 'Show whether monitors may be removed now.',
    'lifeline': 'Show which old addresses bring stranded guests back.',
    'check': 'Summarize status and guests for monitoring.',
    'rollback': 'Undo a run.',
    'journal': 'Show or remove earlier runs.',
    'hook': 'Manage the libvirt hook of this host.',
    'shield': 'Make QEMU on this host ignore stale lists of monitors.',
}

_HEADINGS = {'optional arguments': 'options',
             'positional arguments': 'arguments'}

_TOP = """\
usage: {usage}
{description}
commands, in the usual order:
{commands}

on a compute host (elsewhere with --host H, or --all-hosts):
  rbd-mon-fix preflight           is everything in place?
  rbd-mon-fix status              what would break?
  rbd-mon-fix refresh --dry-run   what would be changed?
  rbd-mon-fix refresh             change it
rbd-mon-fix COMMAND --help: options of a command; --help-all: of all commands
"""

# The end of --help-all.
EPILOG = """\
usual order, for a host H:
  rbd-mon-fix preflight --host H           is everything in place?
  rbd-mon-fix monitors                     are these the right monitors?
  rbd-mon-fix status --host H              what would break?
  rbd-mon-fix refresh --host H --dry-run   what would be changed?
  rbd-mon-fix refresh --host H             change it
  rbd-mon-fix status --host H              is everything current now?
  rbd-mon-fix verify --host H              does each disk really open?
  rbd-mon-fix guests --host H              do running guests follow?
  rbd-mon-fix rollback RUN                 undo it

Options stand before or after the command. The command line overrides config
files. Exit codes: 0 everything is right, 1 something is wrong or could not be
judged (stale or drifted records, unknown clusters, stranded guests, disks
that do not open), 2 usage or config, 3 refused by a guard, 4 incomplete, 5 a
service could not be reached, 130 interrupted, 255 crash."""


class Page(argparse.HelpFormatter):
    """The page of one command, the same with every version of Python."""

    def __init__(self, prog: str, **options: Any):
        super().__init__(prog, max_help_position=24, **options)

    def start_section(self, heading: Optional[str]) -> None:
        """Begin a section; Python 3.9 has another heading for options."""
        super().start_section(_HEADINGS.get(heading or '', heading))

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Return an option with its value once, not behind each spelling."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        return f'{", ".join(action.option_strings)} {action.metavar}'

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return '\n'.join(self._split_lines(text, width))

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Fold a text, but not within the name of an option or a store."""
        return textwrap.wrap(' '.join(text.split()), width,
                             break_on_hyphens=False)


def summary(prog: str) -> Optional[str]:
    """Return the sentence about a command; None for an action of one."""
    return SUMMARIES.get(prog.replace(f'{PROGRAM} ', '', 1))


def top() -> str:
    """Return the page of ``rbd-mon-fix --help``."""
    return _TOP.format(
        usage=USAGE % {'prog': PROGRAM}, description=DESCRIPTION,
        commands='\n'.join(f'  {name:<12}{summary}'
                           for name, summary in SUMMARIES.items()))

