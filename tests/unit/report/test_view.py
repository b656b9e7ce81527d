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

"""Command lines that can be pasted into a shell."""

import shlex

import pytest

from rbd_mon_fix.report import view as views


def test_a_command_has_the_options_of_every_command():
    view = views.View(shared=('--config-file', '/etc/a b.conf'))
    assert view.command('rollback', 'r1') == (
        "rbd-mon-fix --config-file '/etc/a b.conf' rollback r1")


def test_a_scoped_command_names_the_same_servers():
    view = views.View(scope=('--host', 'cmp1', '--store', 'domain'))
    assert view.scoped('refresh', '--dry-run') == (
        'rbd-mon-fix refresh --host cmp1 --store domain --dry-run')


def test_words_are_quoted():
    view = views.View(scope=('--host', 'a; reboot'))
    assert shlex.split(view.scoped('status')) == [
        'rbd-mon-fix', 'status', '--host', 'a; reboot']


def test_a_repetition_has_all_options():
    view = views.View(scope=('--host', 'cmp1'), options=('--lock',))
    assert view.again('refresh') == 'rbd-mon-fix refresh --host cmp1 --lock'


def test_hosts_of_a_scope():
    view = views.View(scope=('--host', 'a', '--store', 'domain', '--host',
                             'b'))
    assert view.hosts == ('--host', 'a', '--host', 'b')


@pytest.mark.parametrize(('option', 'words'), [
    ('--host=cmp1', ('--host', 'cmp1')),
    ('--host=@/etc/hosts=1', ('--host', '@/etc/hosts=1')),
    ('--monitors-file=-', ('--monitors-file=-',)),
    ('--all-hosts', ('--all-hosts',)),
    ('--store=', ('--store', '')),
])
def test_options_are_split(option, words):
    assert views.split([option]) == words
