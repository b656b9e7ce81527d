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

"""Values in rbd-mon-fix's own files that cannot be used."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import bad_values
from rbd_mon_fix.conf import options


def check(tmp_path, *texts):
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f'{number}.conf'
        path.write_text(text)
        paths.append(str(path))
    bad_values.check(paths)


@pytest.mark.parametrize('text', [
    '', '[DEFAULT]\noffline = true\n', '[DEFAULT]\noffline = 0\n',
    '[DEFAULT]\nunknown = $x\n[strange]\nx = $y\n', '[nova]\nx = $y\n',
    '[ceph]\nuser = a$$b\nconf = $config_dir/$cluster.conf\n',
    '[CEPH]\npools = a, b\nconf = ${cluster}x$journal_dir\n',
    '[DEFAULT]\njournal_dir = ${ceph.conf}.d$hook.dir\\$x $ $1\n',
    '[DEFAULT]\nnova_config_file = a\nnova_config_file = b\n',
    '[DEFAULT]\nmax_logfile_count = 3\nlog_rotation_type = size\n',
    # Their readers name these files.
    'nonsense\n', '[DEFAULT\n', '[DEFAULT]\nx\n', '\x00'])
def test_good(tmp_path, text):
    check(tmp_path, text)


def test_a_file_that_cannot_be_read(tmp_path):
    bad_values.check([str(tmp_path), '/none', '/proc/self/mem'])
    (tmp_path / 'x.conf').write_bytes(b'[DEFAULT]\njournal_dir = \xff\n')
    bad_values.check([str(tmp_path / 'x.conf')])


@pytest.mark.parametrize('text, option, hint', [
    ('[DEFAULT]\noffline = SECRET\n', 'offline in [DEFAULT]',
     'Use true or false.'),
    ('[DEFAULT]\nuse_syslog = SECRET\n', 'use_syslog in [DEFAULT]',
     'Use true or false.'),
    ('[DEFAULT]\nmax_logfile_count = SECRET\n',
     'max_logfile_count in [DEFAULT]', 'Use a whole number.'),
    ('[DEFAULT]\nlog_rotation_type = SECRET\n',
     'log_rotation_type in [DEFAULT]', 'Use one of interval, size, none.'),
    ('[DEFAULT]\nlibvirt_uri = a$SECRET\n', 'libvirt_uri in [DEFAULT]', '$$'),
    ('[Ceph]\nuser = ${SECRET}\n', 'user in [ceph]', '$$'),
    ('[hook]\ndir = $ceph.SECRET\n', 'dir in [hook]', '$$'),
    ('[DEFAULT]\nnova_config_file = $SECRET\nnova_config_file = b\n',
     'nova_config_file in [DEFAULT]', '$$')])
@pytest.mark.parametrize('number', [0, 1])
def test_bad(tmp_path, text, option, hint, number):
    texts = ['[DEFAULT]\noffline = 1\n'] * 2
    texts[number] = text
    with pytest.raises(exceptions.ConfigError) as caught:
        check(tmp_path, *texts)
    assert caught.value.message == (
        f'Invalid value of option {option} of {tmp_path}/{number}.conf.')
    assert hint in caught.value.hint
    assert 'SECRET' not in str(caught.value)


def test_every_option_is_known():
    known = bad_values._known()
    assert {opt.dest for opt in options.OPTS} <= set(known['DEFAULT'])
    assert {opt.dest for opt in options.CEPH_OPTS} == set(known['ceph'])
