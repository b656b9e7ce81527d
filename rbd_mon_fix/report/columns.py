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

"""The choice of columns of a list, for ``-c``."""

from __future__ import annotations

from typing import Sequence

from rbd_mon_fix import exceptions

LISTED = ('table', 'csv', 'value')


def chosen(fmt: str, columns: Sequence[str], wanted: Sequence[str],
           formats: Sequence[str] = LISTED) -> tuple[str, ...]:
    """Return the wanted columns in the order of the request, each once.

    :param fmt: the format of the output
    :param columns: all columns
    :param wanted: names of columns; empty for all
    :param formats: the formats that have columns
    :raises ConfigError: a column is unknown, or the format has no columns
    """
    for name in wanted:
        if name not in columns:
            raise exceptions.ConfigError(
                f'There is no column {name}.',
                f'The columns are {", ".join(columns)}.')
    if wanted and fmt not in formats:
        raise exceptions.ConfigError(
            f'-c chooses columns, and -f {fmt} has no columns here.',
            f'Use it with -f {" or -f ".join(formats)}.')
    return tuple(dict.fromkeys(wanted or columns))
