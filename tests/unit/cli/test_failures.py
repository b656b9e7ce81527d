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

"""Whatever ends a command, as an error of ours and for programs."""

from __future__ import annotations

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import failures
from rbd_mon_fix.report import ending

REFUSED = exceptions.Refused('It is so.', 'Do this.')


@pytest.mark.parametrize('error, code, kind, message', [
    (REFUSED, 3, 'refused', 'It is so.'),
    (exceptions.Gone('It is gone.'), 4, 'incomplete', 'It is gone.'),
    (exceptions.Unreachable('No answer.'), 5, 'unreachable', 'No answer.'),
    (KeyboardInterrupt(), 130, 'interrupted', 'Interrupted.'),
    (OSError(28, 'TOPSECRET'), 4, 'incomplete',
     'The operating system reports: No space left on device.'),
    (ImportError('TOPSECRET', name='libvirt'), 2, 'usage',
     'Cannot load the Python module libvirt: it is missing or cannot be '
     'opened.'),
    (cfg.TemplateSubstitutionError('TOPSECRET'), 2, 'usage',
     'The configuration cannot be used: TemplateSubstitutionError.'),
    (RuntimeError('TOPSECRET'), 255, 'crash', 'Crashed: RuntimeError.')])
def test_any_exception(error, code, kind, message):
    found = failures.of_error(failures.ours(error))
    assert (found.code, found.kind, found.message) == (code, kind, message)
    assert 'SECRET' not in found.hint


def test_an_error_of_ours_stays_as_it_is():
    assert failures.of_error(failures.ours(REFUSED)) == ending.Failure(
        3, 'refused', 'It is so.', 'Do this.')


@pytest.mark.parametrize('told, why', [
    ('usage: rbd-mon-fix ...\n\nrbd-mon-fix status: error: unknown: x: y\n',
     'unknown: x: y'), ('It is so.', 'It is so.'), ('', '')])
def test_what_argparse_told(told, why):
    found = failures.misused(told)
    assert found.message == f'The command line cannot be used: {why}.'


def test_hosts_that_were_lost():
    assert failures.of_lost({}) is None
    assert failures.of_lost({
        'cmp2': exceptions.Unreachable('No libvirt.', 'Start.'),
        'cmp3': exceptions.Unreachable('No answer.')}) == ending.Failure(
            5, 'unreachable', 'cmp2 was not reached: No libvirt. cmp3 was not '
            'reached: No answer.',
            'Run the command again for these hosts once they can be reached.')
