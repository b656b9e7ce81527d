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

"""Checking QEMU for its rbd driver."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import qemu_img


def program(tmp_path, words):
    path = tmp_path / 'qemu-img'
    path.write_text(f'#!/bin/sh\necho "{words}" >&2\nexit 1\n')
    path.chmod(0o755)
    return str(path)


def test_it_asks_for_the_pool(tmp_path):
    words = "Could not open 'driver=rbd': Parameter 'pool' is missing"
    assert 'rbd driver' in qemu_img.rbd(program(tmp_path, words))


@pytest.mark.parametrize('words, told', [
    ("Could not open 'driver=rbd': Unknown driver 'rbd'", 'Unknown driver'),
    ('', 'no error message'), (r'\0377', '\ufffd')])
def test_no_driver(tmp_path, words, told):
    with pytest.raises(exceptions.Unreachable) as caught:
        qemu_img.rbd(program(tmp_path, words))
    assert told in caught.value.message


def test_no_program(tmp_path):
    with pytest.raises(exceptions.Unreachable) as caught:
        qemu_img.rbd(str(tmp_path / 'nowhere'))
    assert 'cannot be run' in caught.value.message


def test_a_program_that_does_not_finish(tmp_path, monkeypatch):
    path = tmp_path / 'qemu-img'
    path.write_text('#!/bin/sh\nexec sleep 30\n')
    path.chmod(0o755)
    monkeypatch.setattr(qemu_img, '_TIMEOUT', 0.1)
    with pytest.raises(exceptions.Unreachable, match='did not finish') as e:
        qemu_img.rbd(str(path))
    assert '--image-opts' in e.value.hint
