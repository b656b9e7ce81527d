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

"""Blocks of lines with titles, in as many lines as a screen has."""

from __future__ import annotations

import dataclasses
from typing import Iterable, Iterator, Sequence

from rbd_mon_fix.report import lines

_REST: lines.Line = [('    ... (-v, or -f json)', 'dim')]
# A block keeps its title, two lines, and the mark of what is left out.
_LEAST = 4


@dataclasses.dataclass(frozen=True)
class Block:
    """Lines below a title."""

    title: str
    lines: Iterable[lines.Line]


def fitted(blocks: Sequence[Block],
           room: int) -> Iterator[list[lines.Line]]:
    """Yield the blocks that have lines, apart from each other if they fit.

    Otherwise they are one block, and the longest ones lose lines.

    :param room: number of lines, with an empty one before each block
    """
    drawn = [[[(f'  {block.title}', 'bold')], *found]
             for block in blocks if (found := list(block.lines))]
    if sum(len(block) + 1 for block in drawn) <= room:
        yield from drawn
        return
    while sum(map(len, drawn)) >= room:
        longest = max(drawn, key=len)
        if len(longest) <= _LEAST:
            break
        longest[-2:] = [_REST]
    yield [line for block in drawn for line in block]
