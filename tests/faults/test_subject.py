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

"""The judge of documents after a fault."""

from __future__ import annotations

import pytest

from tests.faults import subject

STALE = 'disk\nold 1\nold 2\ndisk\nold 3\nend\n'
RIGHT = 'disk\nnew 1\nnew 2\ndisk\nnew 3\nend\n'


@pytest.mark.parametrize('text, whole', [
    (STALE, True), (RIGHT, True),
    ('disk\nnew 1\nnew 2\ndisk\nold 3\nend\n', True),
    ('disk\nold 1\nold 2\ndisk\nnew 3\nend\n', True),
    ('disk\nnew 1\nold 2\ndisk\nold 3\nend\n', False),
    ('disk\nnew 1\nnew 2\ndisk\nother\nend\n', False),
    ('disk\nnew 1\nnew 2\nother\nnew 3\nend\n', False),
    ('disk\nnew 1\nnew 2\ndisk\nnew 3\n', False), ('', False)])
def test_each_list_is_the_stale_or_the_right_one(text, whole):
    assert subject.is_whole(text, STALE, RIGHT) is whole


@pytest.mark.parametrize('text, whole', [
    ('["old"]', True), ('["new", "more"]\n', True), ('["new"]', False)])
def test_a_document_with_another_number_of_lines(text, whole):
    assert subject.is_whole(text, '["old"]', '["new", "more"]\n') is whole
