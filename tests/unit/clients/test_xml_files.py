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

"""Replacements of files, as the kernel reports them."""

import pytest

from rbd_mon_fix.clients import xml_files


@pytest.fixture
def files(tmp_path):
    made = xml_files.Replacements(str(tmp_path))
    yield made
    made.close()


def replace(folder, domain):
    """Do as libvirt does (virFileRewrite)."""
    new = folder / f'{domain}.xml.new'
    new.touch()
    new.rename(folder / f'{domain}.xml')


@pytest.mark.parametrize('uri, expected', [
    ('qemu:///system', '/etc/libvirt/qemu'),
    ('qemu+unix:///system?socket=/run/x', '/etc/libvirt/qemu'),
    ('qemu:///embed?root=/srv/root', '/srv/root/etc/qemu'),
    ('qemu:///embed', None), ('qemu:///session', None),
    ('qemu+ssh://cmp1/system', None), ('qemu+tls://[fd00::1]/system', None),
    ('test:///default', None), ('', None)])
def test_the_folder(uri, expected):
    assert xml_files.folder(uri) == expected


@pytest.mark.parametrize('number', [0, 1, 2, 5])
def test_each_replacement_counts(tmp_path, files, number):
    """The kernel merges equal reports that follow each other."""
    for _ in range(number):
        replace(tmp_path, 'guest')
    assert files.count('guest') == number
    replace(tmp_path, 'guest')
    assert files.count('guest') == number + 1


def test_what_was_before_does_not_count(tmp_path, files):
    replace(tmp_path, 'guest')
    replace(tmp_path, 'other')
    files.begin('guest')
    replace(tmp_path, 'guest')
    assert (files.count('guest'), files.count('other')) == (1, 1)


def test_names_of_any_bytes(tmp_path, files):
    name = b'a \xff\xc3\xa4'.decode(errors='surrogateescape')
    replace(tmp_path, name)
    assert files.count(name) == 1


def test_other_changes_of_a_file(tmp_path, files):
    (tmp_path / 'guest.xml').write_text('a')
    (tmp_path / 'guest.xml').unlink()
    assert files.count('guest') == 0


@pytest.mark.parametrize('path', [None, '/nowhere'])
def test_a_folder_that_is_not_watched(path):
    files = xml_files.Replacements(path)
    files.begin('guest')
    assert files.count('guest') == 0
    files.close()
    files.close()


def test_a_watch_that_has_ended(tmp_path, files):
    files.close()
    replace(tmp_path, 'guest')
    assert files.count('guest') == 0
