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

"""The diagrams in the documentation match the current code."""

from __future__ import annotations

import collections
from xml.etree import ElementTree

import pytest

from docs import draw_imports
from docs import draw_readers
from rbd_mon_fix.cli import parser
from rbd_mon_fix.model.plan import Operation

pytestmark = pytest.mark.once


@pytest.mark.parametrize('drawing', [draw_imports, draw_readers],
                         ids=lambda drawing: drawing.PICTURE.name)
def test_it_is_current(drawing):
    assert drawing.PICTURE.read_text() == drawing.draw(), (
        f'{drawing.PICTURE.name} is outdated: run "tox -e drawings"')


@pytest.mark.parametrize('drawing', [draw_imports, draw_readers],
                         ids=lambda drawing: drawing.PICTURE.name)
def test_it_is_a_picture(drawing):
    root = ElementTree.fromstring(drawing.draw())
    assert root.tag.endswith('}svg')


def package(tmp_path, **modules):
    """Create a package of rooms with one module each."""
    folder = tmp_path / 'rbd_mon_fix'
    for room, code in modules.items():
        (folder / room).mkdir(parents=True)
        (folder / room / 'one.py').write_text(code)
    return folder


@pytest.mark.parametrize('code, found', [
    ('import os\nfrom other import engine\n', {}),
    ('from rbd_mon_fix.cli import two\n', {}),
    ('from rbd_mon_fix import exceptions\n', {}),
    ('from rbd_mon_fix.core import guard\n', {'core': False}),
    ('from rbd_mon_fix import engine\n', {'engine': False}),
    ('import rbd_mon_fix.engine.scan\n', {'engine': False}),
    ('def late():\n    from rbd_mon_fix.core import guard\n',
     {'core': False}),
    ('if TYPE_CHECKING:\n    from rbd_mon_fix.core import guard\n',
     {'core': True}),
    ('if typing.TYPE_CHECKING:\n    import rbd_mon_fix.core.guard\n',
     {'core': True}),
    ('if TYPE_CHECKING:\n    import os\nelse:\n'
     '    from rbd_mon_fix.core import guard\n', {'core': False}),
    ('if TYPE_CHECKING:\n    from rbd_mon_fix.core import guard\n'
     'from rbd_mon_fix.core import apply\n', {'core': False}),
    ('from rbd_mon_fix.core import apply\nif TYPE_CHECKING:\n'
     '    from rbd_mon_fix.core import guard\n', {'core': False})])
def test_imports(tmp_path, code, found):
    assert draw_imports.imports(package(tmp_path, cli=code)) == {
        ('cli', room): typing_only for room, typing_only in found.items()}


def test_a_room_without_a_place(tmp_path):
    folder = package(tmp_path, attic='from rbd_mon_fix.core import guard\n')
    with pytest.raises(draw_imports.UnknownRoom, match='^attic$'):
        draw_imports.imports(folder)


@pytest.mark.parametrize('room, code, red, dashed', [
    ('cli', 'from rbd_mon_fix.core import guard\n', False, False),
    ('cli', 'if TYPE_CHECKING:\n    from rbd_mon_fix.core import guard\n',
     False, True),
    ('core', 'from rbd_mon_fix.cli import main\n', True, False),
    ('core', 'if TYPE_CHECKING:\n    from rbd_mon_fix.cli import main\n',
     True, True)])
def test_arrows(tmp_path, room, code, red, dashed):
    root = ElementTree.fromstring(
        draw_imports.draw(package(tmp_path, **{room: code})))
    [arrow] = root.findall('{*}path')
    assert (arrow.get('stroke') == draw_imports.UP) is red
    assert (arrow.get('stroke-dasharray') != 'none') is dashed


def test_every_store_and_operation_is_drawn():
    stores = draw_readers.SOURCES.keys() - {draw_readers.FRESH}
    assert stores == set(parser.STORES)
    assert {each.value for each in Operation} < draw_readers.READERS.keys()


def test_who_reads_what():
    assert {tuple(arrow[:2]) for arrow in draw_readers.arrows()
            if arrow.kind is draw_readers.PLAIN} == {
        ('domain', 'plain-start'), ('managed-save', 'plain-start'),
        ('live-domain', 'live-migrate'), ('live-domain', 'suspend')}
    assert sources(draw_readers.VOLUME) == {
        'start': 'nova-bdm', 'hard-reboot': 'nova-bdm',
        'soft-reboot': 'domain', 'resume': 'domain managed-save nova-bdm',
        'unrescue': 'unrescue', 'rescue': 'domain nova-bdm',
        'suspend': 'live-domain', 'snapshot': 'live-domain',
        'live-migrate': 'fresh', 'migrate': 'fresh nova-bdm',
        'revert': 'fresh nova-bdm', 'rebuilt': 'fresh'}
    assert sources(draw_readers.OWN) == {
        'start': 'ceph-conf', 'hard-reboot': 'ceph-conf',
        'soft-reboot': 'domain', 'resume': 'ceph-conf domain managed-save',
        'unrescue': 'ceph-conf unrescue', 'rescue': 'ceph-conf domain',
        'suspend': 'live-domain', 'snapshot': 'ceph-conf live-domain',
        'live-migrate': 'ceph-conf live-domain',
        'migrate': 'ceph-conf fresh', 'revert': 'fresh', 'rebuilt': 'fresh'}


def sources(kind):
    found = collections.defaultdict(set)
    for arrow in draw_readers.arrows():
        if arrow.kind is kind:
            found[arrow.reader].add(arrow.source)
    return {reader: ' '.join(sorted(those)) for reader, those in found.items()}
