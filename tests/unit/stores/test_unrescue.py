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


"""Unusual files of rescued servers.

tests/functional/test_unrescue.py covers owners, labels, kills and races.
"""

import dataclasses
import os

import pytest

from rbd_mon_fix.clients import folder
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory
from tests.unit.stores import domain_places

NEW = memory.addrs(memory.NEW)


@pytest.fixture
def place(tmp_path):
    return domain_places.UnrescuePlace(tmp_path / 'instances')


def change_of(place, where):
    record = place.store.get(where)
    [disk] = record.document.disks
    return Change(record, record.document.edited(
        {disk.key: record.document.spell(disk, NEW)}), ())


@pytest.fixture
def path(place, tmp_path):
    where = place.add(1)
    return tmp_path / 'instances' / where.key / 'unrescue.xml'


def test_a_server_that_is_not_rescued_has_no_record(place, path):
    path.unlink()
    assert list(place.store.scan(place.scope(1))) == []


@pytest.mark.parametrize('content', [
    b'\xff\xfeAQBSECRET==', b'', b'<network/>', b'<domain>' * 1000,
    b'<domain>' + b'<a>' * 1000 + b'</a>' * 1000 + b'</domain>'])
def test_a_file_that_cannot_be_read(place, path, content):
    path.write_bytes(content)
    [record] = place.store.scan(place.scope(1))
    assert record.document is None
    assert record.unreadable
    assert 'SECRET' not in record.unreadable


def test_the_xml_of_another_server(place, path):
    path.write_text(place.text(2))
    [record] = place.store.scan(place.scope(1))
    assert record.unreadable == 'it is the XML of another server'


def test_a_symbolic_link_is_neither_read_nor_written(place, path, tmp_path):
    [record] = place.store.scan(place.scope(1))
    change = change_of(place, record.locator)
    path.rename(tmp_path / 'elsewhere')
    path.symlink_to(tmp_path / 'elsewhere')
    [found] = place.store.scan(place.scope(1))
    assert 'symbolic link' in found.unreadable
    [outcome] = place.store.put([change])
    assert outcome.verdict is Verdict.FAILED
    assert (tmp_path / 'elsewhere').read_bytes().decode() == place.text(1)


def test_a_file_that_somebody_writes_right_after(place, path, monkeypatch):
    replace = folder.Folder.replace

    def replace_and_lose(self, *arguments):
        replace(self, *arguments)
        path.write_text(place.text(1))

    [record] = place.store.scan(place.scope(1))
    change = change_of(place, record.locator)
    monkeypatch.setattr(folder.Folder, 'replace', replace_and_lose)
    [outcome] = place.store.put([change])
    assert (outcome.verdict, outcome.reason) == (
        Verdict.UNVERIFIED,
        'The XML in the file differs from the XML that was written.')


def test_a_file_that_may_not_be_on_the_disk_yet(place, path, monkeypatch):
    def replace(self, *arguments):
        raise folder.Unsure('Not confirmed.')

    [record] = place.store.scan(place.scope(1))
    change = change_of(place, record.locator)
    monkeypatch.setattr(folder.Folder, 'replace', replace)
    [outcome] = place.store.put([change])
    assert (outcome.verdict, outcome.reason) == (
        Verdict.UNVERIFIED, 'Not confirmed.')


@pytest.mark.parametrize('uuid', ['../x', '', 'a/b', '.', '\0', '\ud800'])
def test_a_server_whose_uuid_is_not_valid(place, path, uuid):
    scope = place.scope(1)
    instances = {uuid: scope.instances[memory.uuid(1)], **scope.instances}
    bad, good = place.store.scan(
        dataclasses.replace(scope, instances=instances))
    assert (bad.document, bad.unreadable) == (
        None, 'The UUID of the server is not valid.')
    assert good.document is not None


def test_a_file_that_is_larger_than_libvirt_accepts(place, path):
    os.truncate(path, 1 << 40)
    [record] = place.store.scan(place.scope(1))
    assert record.unreadable == 'unrescue.xml is larger than 4 MiB.'


def test_a_file_that_grew_enormous_is_not_replaced(place, path):
    [record] = place.store.scan(place.scope(1))
    change = change_of(place, record.locator)
    os.truncate(path, 1 << 40)
    [outcome] = place.store.put([change])
    assert outcome.verdict is Verdict.CONFLICT
    assert path.stat().st_size == 1 << 40
