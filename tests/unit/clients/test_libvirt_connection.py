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

"""Opening a connection to libvirt, and the meaning of its errors."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as door
from rbd_mon_fix.clients import libvirt_connection

libvirt = pytest.importorskip('libvirt')

WITHOUT_MODULE = '''
import sys
sys.modules['libvirt'] = None
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix import exceptions
try:
    libvirt.connect('qemu:///system')
except exceptions.ConfigError as error:
    print(error.message, error.hint, sep='\\n')
'''


def failure(code):
    error = libvirt.libvirtError('It fails.')
    error.err = (code, libvirt.VIR_FROM_NONE, 'It fails.', 2, '', '', '', 0,
                 0)
    return error


def test_without_libvirts_module():
    ran = subprocess.run([sys.executable, '-c', WITHOUT_MODULE], check=True,
                         text=True, capture_output=True, timeout=60)
    message, hint = ran.stdout.splitlines()
    assert message.startswith('Cannot load the Python module libvirt:')
    assert 'python3-libvirt' in hint
    assert ran.stderr == ''


def test_without_libvirts_module_here(monkeypatch):
    monkeypatch.setattr(libvirt_connection, '_IMPORT_ERROR',
                        ImportError('no libvirt'))
    with pytest.raises(exceptions.ConfigError, match='no libvirt'):
        door.connect('test:///default')


@pytest.mark.parametrize('uri, shown', [
    ('test:///none/such.xml', 'test:///none/such.xml'),
    ('test://user:TOPSECRET@host/x?pw=TOPSECRET', 'test://host/x')])
def test_a_libvirt_that_cannot_be_reached(uri, shown):
    with pytest.raises(exceptions.Unreachable) as caught:
        door.connect(uri)
    assert caught.value.message.startswith(
        f'Libvirt at {shown} cannot be used: ')
    assert '--libvirt-uri' in caught.value.hint
    assert 'SECRET' not in str(caught.value)


def test_a_uri_that_cannot_be_split():
    with pytest.raises(exceptions.ConfigError, match='URI') as caught:
        door.connect('qemu+tls://[sesame/system')
    assert 'sesame' not in str(caught.value)


def test_names_and_versions(hypervisor):
    assert hypervisor.hostname()
    version, driver = hypervisor.versions()
    assert version.count('.') == 2
    assert driver.startswith('TEST ')


def test_the_name_is_asked_for_once(hypervisor, monkeypatch):
    name = hypervisor.hostname()
    monkeypatch.setattr(hypervisor, '_connection', None)
    assert hypervisor.hostname() == name


def test_a_connection_that_may_write(hypervisor):
    before = hypervisor.domains()
    assert hypervisor.may_define()
    assert hypervisor.domains() == before


def test_a_connection_that_may_only_read(monkeypatch):
    monkeypatch.setattr(libvirt, 'open', libvirt.openReadOnly)
    hypervisor = door.connect('test:///default')
    assert not hypervisor.may_define()
    hypervisor.close()


def test_a_connection_of_which_libvirt_does_not_say(hypervisor, monkeypatch):
    def define(xml):
        raise failure(libvirt.VIR_ERR_INTERNAL_ERROR)
    monkeypatch.setattr(hypervisor._connection, 'defineXML', define)
    with pytest.raises(exceptions.Unreachable, match='It fails'):
        hypervisor.may_define()


def test_results_are_in_the_order_of_the_items(hypervisor):
    later = threading.Event()

    def wait(item):
        if item == 1:
            assert later.wait(10)
        later.set()
        return item * 10

    assert hypervisor.concurrently(wait, [1, 2, 3]) == [10, 20, 30]


def test_an_error_without_a_message():
    assert libvirt_connection._words(libvirt.libvirtError('')) == (
        'no reason given')
