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

"""Checks what commands print against the JSON Schemas in the package.

The tests that run commands pass their output through here, so that each
document in any test has the form that its schema tells.
"""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any, Sequence

import jsonschema

FOLDER = (pathlib.Path(__file__).parents[1] / 'rbd_mon_fix' / 'report'
          / 'schemas')
NAMES = sorted(path.name[:-len('.schema.json')]
               for path in FOLDER.glob('*.schema.json'))
PARTS = 'parts'
_ACTIONS = ('list', 'show', 'prune')


def load(name: str) -> Any:
    """Return a schema."""
    return json.loads((FOLDER / f'{name}.schema.json').read_text())


def check(name: str, document: object) -> None:
    """Check a document.

    :raises jsonschema.ValidationError: the document does not fit
    """
    _validator(name).validate(document)


def check_output(command: str, document: Any, action: object = None,
                 dry_run: bool = False) -> None:
    """Check the output of a command, or its error.

    :param command: the name of the command
    """
    if set(document) == {'version', 'error'}:
        check('error', document)
    elif command == 'journal':
        check(f'journal-{action}', document)
    elif command == 'guests' and 'watchers' in document:
        check('census', document)
    elif command == 'guests' and 'ways' in document:
        check('rescue', document)
    else:
        check('dry-run' if dry_run else command, document)


def check_words(words: Sequence[str], out: str) -> None:
    """Check the JSON that a command line printed.

    :param words: the command line; only ``-f json`` is recognised
    """
    if ('-f', 'json') in zip(words, words[1:]) and out:
        command = next(word for word in words if word in NAMES
                       or word == 'journal')
        action = next((word for word in words if word in _ACTIONS), None)
        check_output(command, json.loads(out), action, '--dry-run' in words)


@functools.lru_cache(maxsize=None)
def _validator(name: str) -> Any:
    """Return a validator that resolves references without a network."""
    parts = load(PARTS)
    made = jsonschema.Draft202012Validator
    try:
        import referencing
    except ImportError:  # jsonschema before 4.18
        return made(load(name), resolver=jsonschema.RefResolver(
            '', load(name), {parts['$id']: parts}))
    return made(load(name), registry=referencing.Registry().with_resource(
        parts['$id'], referencing.Resource.from_contents(parts)))
