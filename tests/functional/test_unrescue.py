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

"""The files of rescued servers, on a real file system."""

from __future__ import annotations

import os
import pathlib
import signal
import stat
import subprocess
import sys

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import folder
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.stores.unrescue import UnrescueStore
from tests.functional import guests
from tests.functional import killed_replacing

UUID = '3836dcf1-d7d3-4977-a082-d19f0201f4b0'
OTHER = '95a78d2f-a4d9-5fc6-9f1e-219c71ae525e'
SCOPE = Scope('h', {UUID: Instance(UUID, 'h'), OTHER: Instance(OTHER, 'h')})
LOCATOR = Locator('unrescue', 'h', UUID, UUID)
XML = guests.guest(guests.PLAIN, guests.FULL, guests.VNC, uuid=UUID,
                   metadata=guests.NOVA) + '\n<!-- \u00fc -->\n'


@pytest.fixture
def instances(tmp_path):
    """Return a folder of servers, one of which is rescued."""
    for uuid in (UUID, OTHER):
        (tmp_path / 'instances' / uuid).mkdir(parents=True)
    (tmp_path / 'instances' / UUID / 'unrescue.xml').write_bytes(XML.encode())
    return tmp_path / 'instances'


@pytest.fixture
def path(instances):
    return instances / UUID / 'unrescue.xml'


@pytest.fixture
def store(instances):
    return UnrescueStore(str(instances))


def scanned(store):
    [record] = store.scan(SCOPE)
    return record


def dress(path: pathlib.Path) -> dict:
    """Return the owner, mode and attributes of a file."""
    known = path.stat()
    return {'owner': (known.st_uid, known.st_gid),
            'mode': stat.S_IMODE(known.st_mode),
            **{name: os.getxattr(path, name) for name in os.listxattr(path)}}


def files(folder: pathlib.Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_put_changes_the_monitors_and_nothing_else(store, path):
    record = scanned(store)
    assert record.locator == LOCATOR
    assert (record.skip, record.unreadable) == (None, None)
    assert 's3cret' not in repr(record)
    change = guests.change(record)
    [outcome] = store.put([change])
    assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')
    assert path.read_bytes() == change.document.text.encode() != XML.encode()
    again = store.get(LOCATOR)
    assert {disk.monitors for disk in again.document.disks} == {guests.NEW}
    old = {disk.key: disk.verbatim for disk in record.document.disks}
    assert again.document.edited(old).text == XML
    assert files(path.parent) == ['unrescue.xml']


ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')


@pytest.mark.parametrize('mode', [0o644, 0o600, 0o640, 0o4751])
@pytest.mark.parametrize('owner', [
    (-1, -1), pytest.param((4321, 1234), marks=ROOT_ONLY)])
def test_owner_and_mode_are_kept(store, path, mode, owner):
    os.chown(path, *owner)
    path.chmod(mode)
    before = dress(path)
    [outcome] = store.put([guests.change(scanned(store))])
    assert outcome.verdict is Verdict.FIXED
    assert dress(path) == before


LABEL = b'system_u:object_r:nova_var_lib_t:s0\0'


@pytest.mark.parametrize('name', [
    'user.note', pytest.param('security.selinux', marks=ROOT_ONLY)])
def test_labels_are_kept(store, path, name):
    try:
        os.setxattr(path, name, LABEL)
    except OSError as error:
        pytest.skip(f'the file system takes no {name}: {error}')
    before = dress(path)
    [outcome] = store.put([guests.change(scanned(store))])
    assert outcome.verdict is Verdict.FIXED
    assert dress(path) == before
    assert before[name] == LABEL


def test_a_label_that_cannot_be_kept_leaves_the_file(store, path,
                                                     monkeypatch):
    monkeypatch.setattr(os, 'listxattr', lambda fd: ['security.selinux'])
    monkeypatch.setattr(os, 'getxattr', lambda fd, name: LABEL)
    monkeypatch.setattr(os, 'setxattr', refused)
    [outcome] = store.put([guests.change(scanned(store))])
    assert outcome.verdict is Verdict.FAILED
    assert path.read_bytes() == XML.encode()
    assert files(path.parent) == ['unrescue.xml']


def refused(*args, **kwargs):
    raise PermissionError(1, 'Operation not permitted')


@pytest.mark.parametrize('call', ['fsync', 'replace', 'fchown', 'fchmod'])
def test_what_the_system_refuses_leaves_the_file(store, path, monkeypatch,
                                                 call):
    record = scanned(store)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refused)
        [outcome] = store.put([guests.change(record)])
    assert outcome.verdict is Verdict.FAILED
    assert 'not permitted' in outcome.reason
    assert path.read_bytes() == XML.encode()
    assert files(path.parent) == ['unrescue.xml']


def test_what_the_disk_does_not_confirm_is_unverified(store, path,
                                                      monkeypatch):
    sync, synced = os.fsync, []

    def fsync(fd):
        synced.append(stat.S_ISDIR(os.fstat(fd).st_mode))
        if synced[-1]:
            raise OSError(5, 'Input/output error')
        sync(fd)

    record = scanned(store)
    monkeypatch.setattr(os, 'fsync', fsync)
    [outcome] = store.put([guests.change(record)])
    assert synced == [False, True]
    assert outcome.verdict is Verdict.UNVERIFIED


def test_a_file_that_is_a_symbolic_link_is_refused(store, path, tmp_path):
    elsewhere = tmp_path / 'elsewhere'
    record = scanned(store)
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert scanned(store).unreadable == 'unrescue.xml is a symbolic link.'
    [outcome] = store.put([guests.change(record)])
    assert outcome.verdict is Verdict.FAILED
    assert elsewhere.read_bytes() == XML.encode()
    assert path.is_symlink()


def test_a_server_whose_folder_is_a_symbolic_link_is_refused(
        store, instances, tmp_path):
    record = scanned(store)
    (instances / UUID).rename(tmp_path / 'elsewhere')
    (instances / UUID).symlink_to(tmp_path / 'elsewhere')
    assert scanned(store).unreadable == f'{UUID} is a symbolic link.'
    [outcome] = store.put([guests.change(record)])
    assert outcome.verdict is Verdict.FAILED
    found = tmp_path / 'elsewhere' / 'unrescue.xml'
    assert found.read_bytes() == XML.encode()


def test_the_folder_of_all_servers_may_be_a_symbolic_link(
        instances, path, tmp_path):
    (tmp_path / 'link').symlink_to(instances)
    store = UnrescueStore(str(tmp_path / 'link'))
    [outcome] = store.put([guests.change(scanned(store))])
    assert outcome.verdict is Verdict.FIXED


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(store, path, make):
    path.unlink()
    make(path)
    assert scanned(store).unreadable


@pytest.mark.parametrize('content', [
    b'\xff\xfe', b'', b'<domain>', b'<network/>',
    guests.guest(guests.PLAIN, uuid=OTHER).encode()])
def test_what_is_no_xml_of_the_server_is_unreadable(store, path, content):
    path.write_bytes(content)
    record = scanned(store)
    assert record.document is None and record.unreadable


@pytest.mark.parametrize('name', ['..', '../..', '/etc', '', 'x'])
def test_only_uuids_name_a_folder(store, name):
    record = store.get(Locator('unrescue', 'h', name, name))
    assert record.document is None
    assert 'UUID' in record.unreadable


def test_no_folder_no_record(store, instances, path):
    path.unlink()
    assert list(store.scan(SCOPE)) == []
    path.parent.rmdir()
    assert list(store.scan(SCOPE)) == []
    with pytest.raises(exceptions.Gone):
        store.get(LOCATOR)
    with pytest.raises(exceptions.Unreachable) as caught:
        list(UnrescueStore(str(instances / 'none')).scan(SCOPE))
    assert caught.value.hint


def written(path):
    path.write_bytes(b'<domain/>')


def replaced(path):
    new = path.with_name('new')
    new.write_bytes(b'<domain/>')
    new.rename(path)


@pytest.mark.parametrize('interfere', [
    written, replaced, pathlib.Path.unlink])
@pytest.mark.parametrize('late', [False, True])
def test_who_loses_a_race_finds_a_conflict(store, path, monkeypatch,
                                           interfere, late):
    """Nova may act before the draft is written, or after."""
    change = guests.change(scanned(store))
    if late:
        sync = os.fsync
        monkeypatch.setattr(
            os, 'fsync', lambda fd: (sync(fd), interfere(path)))
    else:
        interfere(path)
    [outcome] = store.put([change])
    assert outcome.verdict is Verdict.CONFLICT
    assert outcome.reason
    assert not path.exists() or path.read_bytes() == b'<domain/>'
    assert set(files(path.parent)) <= {'unrescue.xml'}


def killed(moment: int, instances: pathlib.Path) -> int:
    return subprocess.run(
        [sys.executable, '-m', 'tests.functional.killed_replacing',
         str(moment), str(instances), UUID], timeout=60).returncode


def test_a_kill_leaves_the_old_file_or_the_new_one(instances, path):
    path.chmod(0o640)
    before = dress(path)
    old, new = XML.encode(), XML.encode() + killed_replacing.ADDED
    found = []
    moment = 0
    while killed(moment, instances) == -signal.SIGKILL:
        found.append(path.read_bytes())
        assert dress(path) == before
        # A leftover draft is no obstacle, and is removed.
        with folder.opened(str(instances), UUID) as place:
            place.replace('unrescue.xml', found[-1], old)
        assert files(path.parent) == ['unrescue.xml']
        moment += 1
    assert path.read_bytes() == new
    assert found == sorted(found, key=len)
    assert set(found) == {old, new}
