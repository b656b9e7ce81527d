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

"""Addresses in brace form, which a shell expands again."""

import subprocess

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import braces

TEXTS = (
    ('', ''),
    ('10.0.0.1:6789', '10.0.0.1:6789'),
    ('10.0.0.1:6789 10.0.0.2:6789 10.0.0.3:6789', '10.0.0.{1,2,3}:6789'),
    ('10.1.0.1:6789 10.2.0.1:6789', '10.{1,2}.0.1:6789'),
    ('10.0.0.11:6789 10.0.0.12:6789', '10.0.0.{11,12}:6789'),
    ('[fd00::1]:6789 [fd00::2]:6789', '[fd00::{1,2}]:6789'),
    ('mon1.example.org:6789 mon2.example.org:6789',
     '{mon1,mon2}.example.org:6789'),
    ('10.0.0.1 10.0.0.2', '10.0.0.{1,2}'),
    ('10.0.0.1:3300 10.0.0.2:6789 10.0.0.3:6789',
     '10.0.0.1:3300 10.0.0.{2,3}:6789'),
    ('[fd00::1]:6789 10.0.0.1:6789', '[fd00::1]:6789 10.0.0.1:6789'),
    ('10.0.0.1:6789 172.16.0.1:6789', '{10.0,172.16}.0.1:6789'),
)
ADDRESSES = strategies.lists(strategies.builds(
    MonAddr,
    strategies.one_of(
        strategies.ip_addresses(v=4).map(str),
        strategies.ip_addresses(v=6).map(str),
        strategies.from_regex(r'mon[a-c](\.[a-c]{1,2}){0,3}', fullmatch=True)),
    strategies.sampled_from((None, 3300, 6789))), max_size=12)


def parsed(text):
    return [MonAddr.parse(word) for word in text.split()]


def expanded(text):
    # Not sorted: a pattern without matches stays as it is.
    return subprocess.run(
        ['bash', '-fc', f'echo {text}'], check=True, capture_output=True,
        text=True).stdout.split()


@pytest.mark.parametrize(('flat', 'short'), TEXTS)
def test_brace_form(flat, short):
    assert braces.addresses(parsed(flat)) == short


@pytest.mark.parametrize(('flat', 'short'), TEXTS)
def test_a_shell_expands_it_again(flat, short):
    assert expanded(short) == flat.split()


@settings(max_examples=20)
@given(ADDRESSES)
def test_every_address_is_in_it(addresses):
    assert expanded(braces.addresses(addresses)) == list(map(str, addresses))
