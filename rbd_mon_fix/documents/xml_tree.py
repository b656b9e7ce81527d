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

"""XML elements that know where in the text they stand."""

from __future__ import annotations

import dataclasses
from typing import Iterator
from xml.parsers import expat

from rbd_mon_fix import exceptions


@dataclasses.dataclass
class Element:
    """One element.

    :param name: where it is in a namespace, the namespace, ``}``, the name
    :param start: offset of its first byte in the UTF-8 text
    :param text: the character data directly in it
    """

    name: str
    attributes: dict[str, str] = dataclasses.field(repr=False)
    start: int
    text: str = dataclasses.field(default='', repr=False)
    children: list[Element] = dataclasses.field(
        default_factory=list, repr=False)

    def all(self, name: str) -> list[Element]:
        """Return the children of that name."""
        return [child for child in self.children if child.name == name]

    def word(self, name: str) -> str:
        """Return the text of the first child of that name, or ''."""
        return next((child.text.strip() for child in self.all(name)), '')

    def below(self) -> Iterator[tuple[tuple[str, ...], Element]]:
        """Walk all elements below it, each with the names in between."""
        for child in self.children:
            yield (), child
            for path, element in child.below():
                yield (child.name, *path), element


def parse(content: bytes) -> Element:
    """Read an XML document in UTF-8, whatever encoding it says it is in.

    :raises Unreadable: it is not well-formed, or declares a document type:
        libvirt writes none, and entities would make offsets meaningless
    """
    parser = expat.ParserCreate('utf-8', namespace_separator='}')
    document = Element('', {}, 0)
    open_elements = [document]

    def start(name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes, parser.CurrentByteIndex)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(name: str) -> None:
        open_elements.pop()

    def words(text: str) -> None:
        open_elements[-1].text += text

    def doctype(*declaration: object) -> None:
        raise exceptions.Unreadable('it declares a document type')

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = words
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise exceptions.Unreadable(
            f'it is not well-formed XML: {error}') from None
    finally:
        # It holds what holds it, and all of the tree would have to wait
        # for the garbage collector.
        parser.StartElementHandler = None
    return document.children[0]
