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

"""Ceph's commands, several at once: their arguments, errors and end."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.model.cluster import Way

ADMIN = commands.Administrator('ceph', Way('/c.conf', 'fast', 'cinder'),
                               'boss')


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Replace ``ceph`` by a shell script."""
    def put(body):
        path = tmp_path / 'ceph'
        path.write_text(f'#!/bin/sh\n{body}\n')
        path.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    return put


def outputs(*words):
    return ADMIN.run([('ceph', word) for word in words], ADMIN.output)


def test_the_administrator_is_asked_not_cinder_s_user(program):
    program('echo "$*"')
    assert outputs('a', 'b') == [
        f'{word} --id boss --cluster fast --conf /c.conf\n'
        for word in ('a', 'b')]


@pytest.mark.parametrize('body, words', [
    ('exit 3', '"ceph a .*" failed: no error message'),
    ('echo x >&2; echo y >&2; exit 22', '"ceph a .*" failed: y'),
    ('echo "[errno 110] RADOS timed out (error connecting)" >&2; exit 1',
     '"ceph a .*" failed: .*timed out'),
    ('echo "rbd: listing images failed: (1) Operation not permitted" >&2; '
     'exit 1', 'ceph refuses client.boss: rbd: listing'),
    ('echo "[errno 2] RADOS object not found (error connecting)" >&2; exit 1',
     'ceph refuses client.boss: .*not found'),
    # One monitor refuses the key, another one is down.
    ('echo "monclient(hunting): handle_auth_bad_method server" >&2; '
     'echo "[errno 110] RADOS timed out (error connecting)" >&2; exit 1',
     'ceph refuses client.boss: .*timed out'),
    ('echo denied >&2; exit 13', 'ceph refuses client.boss: denied')])
def test_failures(program, body, words):
    program(body)
    with pytest.raises(exceptions.Unreachable, match=words):
        outputs('a')


def test_what_to_do_without_permission(program):
    program('exit 13')
    with pytest.raises(exceptions.Unreachable) as caught:
        outputs('a')
    for words in ('mon "allow *"', 'osd "profile rbd-read-only"',
                  '/etc/ceph/ceph.client.boss.keyring', '--ceph-admin-user'):
        assert words in caught.value.hint


def test_no_such_command(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(exceptions.Unreachable, match='ceph command'):
        outputs('a')


def test_no_such_program(program):
    program('exit 0')
    with pytest.raises(exceptions.Unreachable) as caught:
        ADMIN.run([('rbd-none', 'ls')], ADMIN.output)
    assert str(caught.value).startswith('Cannot run the rbd-none command: ')
    assert '--offline' not in caught.value.hint


def test_a_command_that_takes_too_long(program):
    program('exec sleep 60')
    found, = ADMIN.run([('ceph',)], lambda words, answer: answer, 0.1)
    assert (found.code, found.told) == (None, 'no answer within 0.1 seconds')


@pytest.mark.parametrize('text', ['', '{', '[' * 100000, '1' * 5000 + 'x'])
def test_what_is_no_json(text):
    with pytest.raises(exceptions.Unreachable, match='"rbd ls" printed'):
        commands.parse(text, 'rbd ls')


@pytest.mark.parametrize('value', [
    None, 7, '', ['a'], 'a\0', '\ud800', 'a' * 5000])
def test_names_that_are_no_words_of_a_command(value):
    with pytest.raises(exceptions.Unreachable, match='a name is invalid'):
        commands.name(value, 'rbd ls')


def test_names():
    assert commands.name('-é b', 'rbd ls') == '-é b'
