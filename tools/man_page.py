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

"""Write the man page, ``man/rbd-mon-fix.1``.

Run this with ``tox -e man`` after a change of the reference. The page is made
before a release, not when it is installed: a package is then built without
Sphinx. ``tox -e docs`` checks that the page is current.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / 'man/rbd-mon-fix.1'

_DATE = re.compile(r'^(\.TH "[^"]*" "[^"]*") "[^"]*"', re.MULTILINE)
_HEADING = re.compile(r'\.S[HS] ')
# Escapes that change the font, or stand for one character.
_FONT = re.compile(r'\\f(?:\w|\[\w*\])')
_CHARACTER = re.compile(r'\\(?:\(\w\w|[&%-]|e)')


def content() -> str:
    """Return the man page as Sphinx makes it, without the day."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, '-m', 'sphinx', '-q', '-W', '-E',
                        '-b', 'man', 'docs', folder], check=True, cwd=ROOT)
        text = pathlib.Path(folder, PAGE.name).read_text()
    return _DATE.sub(r'\1 ""', text)


def words(page: str) -> list[str]:
    """Return the words of a man page.

    Their macros depend on the version of docutils.
    """
    lines = [_HEADING.sub('', line) for line in page.splitlines()
             if _HEADING.match(line) or not line.startswith(('.', "'"))]
    text = _CHARACTER.sub('-', _FONT.sub('', '\n'.join(lines)))
    return re.findall(r'\w+', text)


def main(arguments: list[str]) -> None:
    """Write the page, or check whether its words are current."""
    made = content()
    if not arguments:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(made)
    elif words(made) != words(PAGE.read_text()):
        sys.exit(f'{PAGE} is not current; run tox -e man.')


if __name__ == '__main__':
    main(sys.argv[1:])
