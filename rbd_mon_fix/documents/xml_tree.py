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

"""XML elements with their positions in the text."""

from __future__ import annotations

import dataclasses
from typing import Iterator
from xml.parsers import expat

from rbd_mon_fix import exceptions

# libvirt reads XML with libxml2's default limit of nested elements
# (xmlParserMaxDepth in parserInternals.h; src/util/virxml.c sets no
# XML_PARSE_HUGE).
MAX_DEPTH = 256


@dataclasses.dataclass
class Element:
    """An XML element.

    :param name: the tag; in a namespace, the namespace, ``}`` and the tag
    :param start: offset of the element's first byte in the UTF-8 text
    :param pieces: the character data directly in the element
    """

    name: str
    attributes: dict[str, str] = dataclasses.field(repr=False)
    start: int
    pieces: list[str] = dataclasses.field(default_factory=list, repr=False)
    children: list[Element] = dataclasses.field(
        default_factory=list, repr=False)

    @property
    def text(self) -> str:
        """Return the character data directly in the element."""
        return ''.join(self.pieces)

    def all(self, name: str) -> list[Element]:
        """Return the children with a name."""
        return [child for child in self.children if child.name == name]

    def word(self, name: str) -> str:
        """Return the text of the first child with a name, or ''."""
        return next((child.text.strip() for child in self.all(name)), '')

    def below(self) -> Iterator[tuple[tuple[str, ...], Element]]:
        """Yield all descendants, each with the names of elements between."""
        rest: list[tuple[tuple[str, ...], Element]] = [
            ((), child) for child in reversed(self.children)]
        while rest:
            path, element = rest.pop()
            yield path, element
            beneath = (*path, element.name)
            rest += [(beneath, child) for child in reversed(element.children)]


def encoded(text: str) -> bytes:
    """Return a document in UTF-8.

    :raises Unreadable: the text has a lone surrogate
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise exceptions.Unreadable(
            'the XML cannot be encoded in UTF-8') from None


def _refuse_doctype(*declaration: object) -> None:
    raise exceptions.Unreadable('the XML declares a document type')


def parse(content: bytes) -> Element:
    """Parse an XML document as UTF-8, whatever encoding it declares.

    :raises Unreadable: the document is not well-formed, is nested more
        deeply than libvirt reads, or declares a document type: libvirt
        writes none, and entities would make offsets meaningless
    """
    parser = expat.ParserCreate('utf-8', namespace_separator='}')
    document = Element('', {}, 0)
    open_elements = [document]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAX_DEPTH:
            raise exceptions.Unreadable('the XML is nested too deeply')
        element = Element(name, attributes, parser.CurrentByteIndex)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(name: str) -> None:
        open_elements.pop()

    def words(text: str) -> None:
        open_elements[-1].pieces.append(text)

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = words
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise exceptions.Unreadable(
            f'the XML is not well-formed: {error}') from None
    finally:
        # Break the reference cycle, or the tree would stay in memory until
        # the garbage collector runs.
        parser.StartElementHandler = None
    return document.children[0]
