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

"""Types of arguments: they check a text and return its value.

All raise ArgumentTypeError for a text that is not valid.
"""

from __future__ import annotations

import argparse
import uuid


def server(text: str) -> str:
    """Return the UUID of a server in its usual spelling."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not the UUID of a server') from None


def seconds(text: str) -> float:
    """Return a time limit in seconds."""
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not 0 < found <= 3600:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a number of seconds from 0 to 3600')
    return found


def positive(text: str) -> int:
    """Return a whole number that is not zero."""
    if not count(text):
        raise argparse.ArgumentTypeError('must be at least 1')
    return int(text)


def count(text: str) -> int:
    """Return a whole number."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number')
    return int(text)
