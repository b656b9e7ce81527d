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

MAX_BYTES = 1 << 20


def server(text: str) -> str:
    """Return the name of a server, or its UUID in the usual spelling."""
    if not text.strip():
        raise argparse.ArgumentTypeError('the name of the server is empty')
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text


def fsid(text: str) -> str:
    """Return the fsid of a cluster in the usual spelling."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not an fsid') from None


def file(text: str) -> str:
    """Return the name of a file."""
    if not text:
        raise argparse.ArgumentTypeError('the name of the file is empty')
    return text


def writable(text: str) -> str:
    """Return the name of a store, which refresh must be able to change."""
    if text == 'live-domain':
        raise argparse.ArgumentTypeError(
            'live-domain, the XML of running guests, cannot be changed')
    if text == 'ceph-conf':
        raise argparse.ArgumentTypeError(
            'ceph-conf, a file of the operator, is never changed')
    return text


def names(text: str) -> tuple[str, ...]:
    """Return the names in a comma list.

    An empty name is an error: it comes from a variable that is not set, and
    must not stand for everything.
    """
    found = tuple(name.strip() for name in text.split(','))
    if not all(found):
        raise argparse.ArgumentTypeError(f'{text!r} has an empty name')
    return found


def hosts(text: str) -> tuple[str, ...]:
    """Return the hosts in a comma list, or those in a file for ``@FILE``."""
    return _lines(text[1:]) if text.startswith('@') else names(text)


def _lines(path: str) -> tuple[str, ...]:
    """Return the names in a file, one a line; # begins a comment."""
    try:
        with open(path, 'rb') as file:
            content = file.read(MAX_BYTES + 1)
        lines = content.decode().splitlines()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f'cannot read {path}: {error.strerror}') from None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{path} is not a text file') from None
    if len(content) > MAX_BYTES:
        raise argparse.ArgumentTypeError(
            f'{path} is larger than {MAX_BYTES >> 20} MiB')
    found = [line.partition('#')[0].strip() for line in lines]
    if not any(found):
        raise argparse.ArgumentTypeError(f'{path} names no host')
    return tuple(filter(None, found))


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
