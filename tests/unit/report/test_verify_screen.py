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

"""The screen of ``verify``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import verify_screen
from rbd_mon_fix.report import view as views
from rbd_mon_fix.report.verify_screen import OpenedDisk
from tests.unit.report import drawn

OLD = tuple(MonAddr(f'192.0.2.{number}', 6789) for number in (11, 12, 13))
NEW = tuple(MonAddr(f'192.0.2.{number}', 6789) for number in (21, 22, 23))
SILENT = 'error connecting: Connection timed out'
MISSING = 'error reading header from {}: No such file or directory'
VIEW = views.View(scope=('--host', 'cmp1'))
NAMES = ('busy-1', 'the-database-of-the-accounting-department-in-Wanne-Eickel',
         '\u30c6\u30b9\u30c8\u30b5\u30fc\u30d0\u30fc' * 6)


def uuid(number):
    return f'{0x0a63b40b + number:08x}-c2ae-5c5f-8f5e-2f6f2b1a7c11'


def disk(number, device='vda', store='domain', error=None, **fields):
    image = f'volumes/volume-{number}-{device}'
    return OpenedDisk(**{
        'host': 'cmp1', 'instance': uuid(number),
        'name': NAMES[number % 3], 'store': store, 'device': device,
        'image': image, 'error': error and error.format(image),
        'seconds': 0.06, 'tried': OLD if error else NEW, **fields})


def server(number, error=None, **fields):
    return [disk(number, 'vda', 'nova-bdm', error, **fields),
            disk(number, 'vda', 'domain', error, **fields),
            disk(number, 'vdb', 'domain', error, **fields)]


def drawing(*disks, lost=None, view=VIEW):
    return functools.partial(verify_screen.screen, sum(disks, []),
                             lost or {}, view)


def many(servers, hosts=1):
    return drawing(*(server(number, SILENT, host=f'cmp{number % hosts:03}')
                     for number in range(servers)))


SAMPLES = {
    'verify': drawing(server(0, SILENT), server(1), server(3, MISSING),
                      [disk(2, error='not tried: no JSON', tried=())]),
    'verify-opens': drawing(server(0), server(1)),
    'verify-none': drawing([]),
    'verify-hosts': drawing(
        *(server(number, SILENT, host=f'cmp{number % 2}')
          for number in range(3)), server(4, host='cmp2'),
        lost={'cmp8': 'Libvirt refuses the connection.',
              'cmp9': 'Libvirt refuses the connection.'}),
    'verify-60': many(60),
    'verify-shielded': drawing(server(0, SILENT, shielded=True), server(1)),
    'verify-some-shielded': drawing(
        server(0, SILENT, shielded=True), server(1, SILENT),
        server(3, MISSING), server(4, SILENT, shielded=True))}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)


def last(*disks, **fields):
    return drawn.to_pipe(drawing(*disks, **fields), 80).splitlines()[-1]


@pytest.mark.parametrize('disks, command', [
    (server(1, SILENT),
     f'Next: rbd-mon-fix refresh --host cmp1 --instance {uuid(1)} --dry-run'),
    (server(1, 'no answer within 5 seconds'),
     f'Next: rbd-mon-fix refresh --host cmp1 --instance {uuid(1)} --dry-run'),
    (server(1, SILENT) + server(2, MISSING),
     'Next: rbd-mon-fix refresh --host cmp1 --dry-run'),
    (server(1, MISSING),
     f'Next: rbd-mon-fix status --host cmp1 --instance {uuid(1)}')])
def test_the_next_command(disks, command):
    assert last(disks) == command


def test_the_next_command_names_the_servers_that_were_given():
    view = views.View(scope=('--instance', 'busy-1'))
    assert last(server(1, SILENT), view=view) == (
        'Next: rbd-mon-fix refresh --instance busy-1 --dry-run')


def test_the_next_command_takes_the_stores_that_were_given():
    view = views.View(scope=('--store', 'domain', '--store', 'live-domain'))
    assert last(server(1, SILENT) + server(2, SILENT), view=view) == (
        'Next: rbd-mon-fix status --store domain --store live-domain')


def test_a_host_that_was_not_looked_at_comes_next():
    assert last(server(1), lost={'cmp2': 'No libvirt.'}) == (
        'Next: rbd-mon-fix verify --host cmp1')


def test_many_servers_take_few_lines():
    assert len(drawn.to_pipe(many(60), 80).splitlines()) <= 30
    assert len(drawn.to_pipe(many(5000, 500), 80).splitlines()) <= 60


def test_an_image_is_no_cause_of_its_own():
    text = drawn.to_pipe(drawing(server(1, MISSING), server(2, MISSING)), 80)
    assert text.count('No such file') == 1


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(st.lists(st.tuples(drawn.NAMES, drawn.NAMES, drawn.NAMES,
                          st.sampled_from((None, SILENT, MISSING))),
                max_size=9), st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(servers, width):
    screen = drawing(*(
        [disk(number, device, error=error, name=name, host=host)]
        for number, (name, host, device, error) in enumerate(servers)))
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
