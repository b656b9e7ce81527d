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

"""Names of users in log lines."""

import logging
import subprocess
import sys

import pytest

from rbd_mon_fix.cli import log_lines


def test_a_message_is_escaped_once(capsys):
    logger = logging.getLogger('test_log_lines')
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(sys.stderr))
    log_lines.escape(logger)
    logger.warning('Server %s is gone: 100 %%.', 'a\n\x1b[2J\u202eb')
    logger.warning('100 %')
    assert capsys.readouterr().err == (
        'Server a\\n\\x1b[2J\\u202eb is gone: 100 %.\n100 %\n')


@pytest.mark.parametrize('options', [(), ('--debug',)])
def test_a_process(tmp_path, options):
    """The log quotes an option, and the message of the error a file."""
    (tmp_path / 'a.conf').write_text('[DEFAULT]\nod\x1b[2Jd = 1\n')
    done = subprocess.run(
        [sys.executable, '-m', 'rbd_mon_fix', '--config-file',
         str(tmp_path / 'a.conf'), *options, '--monitors-file', '/\x9b31m',
         'monitors'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60, text=True)
    assert done.returncode == 2
    assert '\\x1b[2J' in done.stderr
    assert '\\x9b31m' in done.stderr
    assert done.stderr.replace('\n', '').isprintable()
