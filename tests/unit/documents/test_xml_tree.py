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

"""Elements and their positions."""

from __future__ import annotations

import gc
import weakref

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import xml_tree

TEXT = ('<?xml version="1.0" encoding="latin-1"?>\n'
        '<a x="1">\u00e4<b> one </b><!-- <b/> --><c xmlns="urn:n"><b/></c>'
        '<b>two</b></a>').encode()


def test_elements_know_their_first_byte():
    root = xml_tree.parse(TEXT)
    assert (root.name, root.attributes) == ('a', {'x': '1'})
    assert [TEXT[each.start:].split(b'>')[0] for _, each in root.below()] == [
        b'<b', b'<c xmlns="urn:n"', b'<b/', b'<b']


def test_children_by_name():
    root = xml_tree.parse(TEXT)
    assert [each.text for each in root.all('b')] == [' one ', 'two']
    assert (root.word('b'), root.word('c')) == ('one', '')
    assert root.all('c') == []
    assert len(root.all('urn:n}c')) == 1


def test_descendants_with_the_names_in_between():
    assert [(path, each.name) for path, each
            in xml_tree.parse(TEXT).below()] == [
        ((), 'b'), ((), 'urn:n}c'), (('urn:n}c',), 'urn:n}b'), ((), 'b')]


@pytest.mark.parametrize('content, reason', [
    (b'', 'not well-formed'), (b'<a>', 'not well-formed'),
    (b'<a/><a/>', 'not well-formed'), (b'<a>\xff</a>', 'not well-formed'),
    (b'<!DOCTYPE a><a/>', 'document type'),
    (b'<a>' * 257 + b'</a>' * 257, 'nested too deeply'),
    (b'<a>' * 100_000, 'nested too deeply')])
def test_unreadable(content, reason):
    with pytest.raises(exceptions.Unreadable, match=reason):
        xml_tree.parse(content)


def test_a_tree_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        root = xml_tree.parse(TEXT)
        watch = weakref.ref(root)
        del root
        assert watch() is None
    finally:
        gc.enable()


def test_as_deep_as_libvirt_reads():
    root = xml_tree.parse(b'<a>' * 256 + b'</a>' * 256)
    assert [path for path, _ in root.below()][-1] == ('a',) * 254


def test_a_text_that_is_not_unicode():
    with pytest.raises(exceptions.Unreadable, match='UTF-8'):
        xml_tree.encoded('<a>\ud800</a>')
