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

"""The own options of ``check``."""

from __future__ import annotations

import argparse

FORMATS = ('text', 'nagios', 'prometheus', 'json', 'yaml')
TEXT = ('Summarize what status and guests show for a monitoring system, in '
        'one scan. Changes nothing.')


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of the command."""
    parser.add_argument(
        '-f', '--format', choices=FORMATS, default='text', metavar='FORMAT',
        help="text, nagios (a line with perfdata, and Nagios' exit codes), "
        'prometheus, json or yaml; default: text')
    parser.add_argument(
        '--textfile', metavar='FILE',
        help='replace FILE with metrics, for node_exporter')
