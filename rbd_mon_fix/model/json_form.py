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

"""The form of JSON files, as a JSON Schema defines it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

if TYPE_CHECKING:
    import jsonschema

# Error messages by schema keyword.
_FAULTS = {'const': 'must be {}', 'enum': 'must be {}',
           'maxLength': 'is longer than {} characters',
           'minItems': 'is empty', 'minLength': 'is empty',
           'pattern': 'has another form than {}', 'type': 'must be {}'}
_KINDS = {'array': 'a list', 'boolean': 'true or false',
          'integer': 'a whole number', 'object': 'an object',
          'string': 'a string'}


class Misfit(Exception):
    """An error in the file; the message names its place."""


def check(document: object, schema: Mapping[str, Any]) -> None:
    """Check a parsed file.

    :raises Misfit: with the first error
    """
    # Imported late to save start time: most runs have no such file.
    import jsonschema
    for error in jsonschema.Draft202012Validator(schema).iter_errors(
            document):
        raise Misfit(_fault(error))


def _fault(error: jsonschema.ValidationError) -> str:
    """Describe an error; the library's own message quotes the document."""
    place = ''.join(f'[{step}]' if isinstance(step, int) else f'.{step}'
                    for step in error.absolute_path)
    expected = error.validator_value
    if error.validator == 'required':
        missing = next(each for each in expected if each not in error.instance)
        return f'{place}.{missing} is missing'.lstrip('.')
    kinds = expected if isinstance(expected, list) else [expected]
    words = ' or '.join(_KINDS.get(each, str(each)) for each in kinds)
    return (f'{place.lstrip(".") or "the top level"} '
            f'{_FAULTS[error.validator].format(words)}')
