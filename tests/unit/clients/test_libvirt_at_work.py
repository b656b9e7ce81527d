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

"""What libvirt says of its calls for a domain, and what that means."""

import types

import pytest

from rbd_mon_fix.clients import libvirt as door

libvirt = pytest.importorskip('libvirt')

OK, JOB, OCCUPIED, ERROR = (
    libvirt.VIR_DOMAIN_CONTROL_OK, libvirt.VIR_DOMAIN_CONTROL_JOB,
    libvirt.VIR_DOMAIN_CONTROL_OCCUPIED, libvirt.VIR_DOMAIN_CONTROL_ERROR)


@pytest.fixture
def hypervisor():
    opened = door.connect('test:///default')
    yield opened
    opened.close()


def failure(code):
    error = libvirt.libvirtError('It fails.')
    error.err = (code, libvirt.VIR_FROM_QEMU, 'It fails.', 2, '', '', '', 0, 0)
    return error


def at_work(hypervisor, answer):
    def info(flags):
        if isinstance(answer, Exception):
            raise answer
        return answer

    hypervisor._handles['U'] = types.SimpleNamespace(controlInfo=info)
    return hypervisor.at_work('U')


@pytest.mark.parametrize('state, details, expected', [
    (OK, 0, False), (JOB, 0, True), (OCCUPIED, 0, True),
    # Between two commands of one call it is this.
    (ERROR, libvirt.VIR_DOMAIN_CONTROL_ERROR_REASON_INTERNAL, True),
    (ERROR, libvirt.VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR, False)])
def test_states(hypervisor, state, details, expected):
    assert at_work(hypervisor, [state, details, 7]) is expected


@pytest.mark.parametrize('code', [
    libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_SUPPORT])
def test_nothing_runs_or_nobody_can_tell(hypervisor, code):
    assert at_work(hypervisor, failure(code)) is False


def test_libvirt_does_not_say(hypervisor):
    with pytest.raises(door.Declined):
        at_work(hypervisor, failure(libvirt.VIR_ERR_ACCESS_DENIED))


def test_a_real_driver(hypervisor):
    [domain] = hypervisor.domains()
    assert hypervisor.at_work(domain.uuid) is False
