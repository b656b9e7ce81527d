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

"""Draw which operation reads which copy of the monitor addresses.

The arrows come from the table in ``rbd_mon_fix.core.readers``. If no copy can
break an operation, or only in special cases, Nova asks Cinder or Ceph when the
operation runs. Run from the root of the tree: python -m docs.draw_readers
"""

from __future__ import annotations

import collections
import pathlib
from typing import Iterator, Mapping, NamedTuple

from docs import svg
from rbd_mon_fix.core import readers
from rbd_mon_fix.core.readers import DiskKind
from rbd_mon_fix.model.plan import Operation

PICTURE = pathlib.Path(__file__).with_name('readers.svg')

FRESH = 'fresh'
REBUILT = 'rebuilt'
PLAIN_START = 'plain-start'


class Box(NamedTuple):
    """A box: its name, a one-line description, and its style."""

    title: str
    words: str
    fill: str
    dashes: str = 'none'


_WRITTEN, _SHOWN, _ASKED = '#e8f1fc', '#fdf3e1', '#e6f4ea'

# From top to bottom; the key is the store's name.
SOURCES: Mapping[str, Box] = {
    'nova-bdm': Box(
        'nova-bdm', "Nova's cell database, block_device_mapping", _WRITTEN),
    FRESH: Box('asked at that moment', "Cinder's API, or ceph mon dump",
               _ASKED),
    'ceph-conf': Box(
        'ceph-conf', 'of the compute host, to ask Ceph with', _SHOWN, '4 3'),
    'live-domain': Box(
        'live-domain', 'XML of the running domain', _SHOWN, '4 3'),
    'domain': Box('domain', "libvirt's persistent XML", _WRITTEN),
    'managed-save': Box(
        'managed-save', "XML inside libvirt's saved image", _WRITTEN),
    'unrescue': Box(
        'unrescue', "unrescue.xml in the server's folder", _WRITTEN),
    'cinder-attachment': Box(
        'cinder-attachment', "Cinder's database, volume_attachment",
        _WRITTEN),
}

# From top to bottom.
READERS: Mapping[str, Box] = {
    Operation.START.value: Box(
        'start', 'also restore, boot of the host', svg.SHADE),
    Operation.HARD_REBOOT.value: Box(
        'hard reboot', 'rebuilds the XML', svg.SHADE),
    Operation.MIGRATE.value: Box(
        'cold migration, resize', 'asks; if cut off, nova-bdm', svg.SHADE),
    Operation.REVERT.value: Box(
        'revert of a resize', 'asks; from another cell, nova-bdm',
        svg.SHADE),
    REBUILT: Box('evacuation, rebuild, unshelve',
                 'makes new attachments', svg.SHADE),
    Operation.LIVE_MIGRATE.value: Box(
        'live migration', "after 2026.1, Nova's own disks ask Ceph",
        svg.SHADE),
    Operation.SNAPSHOT.value: Box(
        'snapshot', "of Nova's own root disk, if not direct", svg.SHADE),
    Operation.SUSPEND.value: Box(
        'suspend', 'hands the addresses on to resume', svg.SHADE),
    Operation.SOFT_REBOOT.value: Box(
        'soft reboot', 'falls back to a hard reboot', svg.SHADE),
    PLAIN_START: Box('virsh start, autostart',
                     'from the saved image if there is one', svg.SHADE),
    Operation.RESUME.value: Box(
        'resume', 'saved image, else domain, else nova-bdm', svg.SHADE),
    Operation.RESCUE.value: Box(
        'rescue', 'hands the addresses on to unrescue', svg.SHADE),
    Operation.UNRESCUE.value: Box('unrescue', 'after rescue', svg.SHADE),
}


class Kind(NamedTuple):
    """A kind of disk: its name and the color of its arrows."""

    title: str
    color: str


VOLUME = Kind('Cinder volume', '#0969da')
OWN = Kind("Nova's own disk (images_type=rbd)", '#bc4c00')
PLAIN = Kind('disk of a guest without Nova', '#1a7f37')
KINDS = (VOLUME, OWN, PLAIN)

_WIDTH, _LEFT, _RIGHT, _BOX = 900, 20, 570, 310
_TOP, _STEP, _HEIGHT = 52, 62, 46
# Operations that read a copy in special cases only.
_SELDOM = {Operation.MIGRATE.value, Operation.REVERT.value}
# The gap between the arrows of two kinds at one box.
_APART = 9


class Arrow(NamedTuple):
    """A disk of some kind: an operation reads its addresses from a source."""

    source: str
    reader: str
    kind: Kind


def arrows() -> list[Arrow]:
    """Return every arrow, kind by kind."""
    return [*_of_nova(VOLUME, DiskKind.VOLUME), *_of_nova(OWN, DiskKind.OWN),
            *_of_plain()]


def _of_nova(kind: Kind, disk: DiskKind) -> Iterator[Arrow]:
    read = [Arrow(row.store, row.operation.value, kind)
            for row in readers.ROWS if disk in row.kinds]
    yield from read
    known = {arrow.reader for arrow in read} - _SELDOM
    yield from (Arrow(FRESH, operation.value, kind)
                for operation in Operation if operation.value not in known)
    yield Arrow(FRESH, REBUILT, kind)


def _of_plain() -> Iterator[Arrow]:
    for row in readers.ROWS:
        if DiskKind.PLAIN in row.kinds:
            reader = (PLAIN_START if row.operation is Operation.START
                      else row.operation.value)
            yield Arrow(row.store, reader, PLAIN)


def draw() -> str:
    """Return the picture as SVG."""
    found = arrows()
    height = _TOP + _STEP * len(READERS) + 66
    drawing = svg.Drawing(
        _WIDTH, height,
        'Which operation reads which copy of the monitor addresses')
    drawing.text(_LEFT, 32, 'Monitor addresses are in', font_weight='bold')
    drawing.text(_RIGHT, 32, 'and are read by', font_weight='bold')
    sources = _boxes(drawing, _LEFT, SOURCES)
    readers = _boxes(drawing, _RIGHT, READERS)
    unread = SOURCES.keys() - {arrow.source for arrow in found}
    for name in sorted(unread):
        drawing.text(_LEFT + 10, sources[name] + _HEIGHT // 2 + 18,
                     "no operation reads it, only users of Cinder's API",
                     fill=svg.MUTED)
    _lines(drawing, found, sources, readers)
    _legend(drawing, height - 44)
    return drawing.render()


def _boxes(drawing: svg.Drawing, x: int,
           boxes: Mapping[str, Box]) -> dict[str, int]:
    """Draw boxes below each other and return the middle of each."""
    middles = {}
    for row, (name, box) in enumerate(boxes.items()):
        y = _TOP + row * _STEP
        drawing.rect(x, y, _BOX, _HEIGHT, rx=4, fill=box.fill,
                     stroke=svg.MUTED, stroke_dasharray=box.dashes)
        drawing.text(x + 10, y + 19, box.title, font_weight='bold')
        drawing.text(x + 10, y + 37, box.words, fill=svg.MUTED)
        middles[name] = y + _HEIGHT // 2
    return middles


def _lines(drawing: svg.Drawing, found: list[Arrow],
           sources: Mapping[str, int], readers: Mapping[str, int]) -> None:
    """Draw the arrows; keep the arrows at one side of a box apart."""
    ordered = sorted(found, key=lambda arrow: (
        readers[arrow.reader], sources[arrow.source],
        KINDS.index(arrow.kind)))
    starts = _spread([arrow.source for arrow in ordered])
    ends = _spread([arrow.reader for arrow in ordered])
    x1, x2 = _LEFT + _BOX, _RIGHT - 2
    bend = (x2 - x1) * 0.55
    for number, arrow in enumerate(ordered):
        y1 = sources[arrow.source] + starts[number]
        y2 = readers[arrow.reader] + ends[number]
        drawing.path(
            f'M{x1} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} '
            f'{x2} {y2:g}', arrow.kind.color, stroke_width=1.8)


def _spread(boxes: list[str]) -> list[float]:
    """Return the distance of each arrow from the middle of its box.

    :param boxes: the box at one end of each arrow, from top to bottom
    """
    total = collections.Counter(boxes)
    seen: collections.Counter[str] = collections.Counter()
    offsets = []
    for box in boxes:
        # Many arrows at one box must still fit between its corners.
        apart = min(_APART, (_HEIGHT - 8) / total[box])
        offsets.append((seen[box] - (total[box] - 1) / 2) * apart)
        seen[box] += 1
    return offsets


def _legend(drawing: svg.Drawing, y: int) -> None:
    x = _LEFT
    for kind, width in zip(KINDS, (150, 290, 0)):
        drawing.path(f'M{x} {y - 4}h26', kind.color, stroke_width=1.8)
        drawing.text(x + 34, y, kind.title)
        x += width + 34
    x = _LEFT
    for fill, dashes, words, width in (
            (_WRITTEN, 'none', 'refresh corrects it', 150),
            (_SHOWN, '4 3', 'status shows it, refresh cannot change it', 290),
            (_ASKED, 'none', 'never stale', 0)):
        drawing.rect(x, y + 13, 26, 14, rx=3, fill=fill, stroke=svg.MUTED,
                     stroke_dasharray=dashes)
        drawing.text(x + 34, y + 25, words)
        x += width + 34


if __name__ == '__main__':
    PICTURE.write_text(draw())
