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

"""Any content gives a value or a documented error, in bounded time.

Half a minute of ``python -m tests.faults.fuzz`` reads more than this.
"""

from __future__ import annotations

import logging
import re

import hypothesis
from hypothesis import strategies
import pytest

from rbd_mon_fix import exceptions
from tests.faults import mutations
from tests.faults import readers

# Those that take milliseconds for each content get fewer.
SLOW = ('monitors_file', 'nova_conf', 'cinder_conf', 'database_url',
        'domain_xml', 'nova_answers', 'keystone_answers')
COUNT, FEW = 120, 30


@pytest.mark.parametrize('reader', readers.READERS.values(),
                         ids=readers.READERS)
def test_each_seed_can_be_read(reader):
    """One at least: the others show what is left out."""
    assert any([reader.check(seed) for seed in reader.seeds])
    assert (reader.secret is not None) == any(map(
        reader._is_secret, reader.seeds))


@pytest.mark.parametrize('reader', readers.READERS.values(),
                         ids=readers.READERS)
def test_any_content(reader):
    @hypothesis.settings(
        max_examples=FEW if reader.name in SLOW else COUNT, deadline=None,
        database=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(strategies.one_of(
        mutations.contents(reader), strategies.binary(max_size=200)))
    def read(content):
        reader.check(content)

    read()


@pytest.mark.parametrize('nest', [b'[', b'{"a":', b'<a>', b'"\\"'])
@pytest.mark.parametrize('reader', readers.READERS.values(),
                         ids=readers.READERS)
def test_values_that_are_nested_deeply(reader, nest):
    for seed in reader.seeds[:2]:
        values = [match.end() for match in re.finditer(rb': ?|>|=|\[', seed)]
        for start in values[:60:4 if reader.name in SLOW else 2]:
            reader.check(seed[:start] + nest * 3000 + seed[start:])


# A reader that is broken is found out.


def leaks(content):
    raise ValueError(content)


def logs(content):
    logging.getLogger('rbd_mon_fix.x').debug('%s', content)


@pytest.mark.parametrize('act, error', [
    (lambda content: content[10 ** 9], IndexError),
    (leaks, readers.Broken), (logs, readers.Broken),
    (lambda content: content, readers.Broken),
    (lambda content: readers._same(1, 2), readers.Broken)])
def test_a_reader_that_is_broken(act, error):
    reader = readers.Reader('broken', act, (), (ValueError,), 'key=[^ ]*')
    with pytest.raises(error):
        reader.check(b'a key=' + readers.CANARY.encode())


def test_a_reader_that_is_slow(monkeypatch):
    monkeypatch.setattr(readers, 'SECONDS', -1.0)
    with pytest.raises(readers.Broken, match='takes'):
        readers.Reader('slow', len, ()).check(b'')


def test_a_secret_that_is_no_longer_where_secrets_are():
    """What stands in the name of an image is not secret."""
    reader = readers.Reader('a', bytes.decode, (), (), 'key=[^ ]*')
    canary = readers.CANARY.encode()
    assert reader.check(b'name=' + canary)
    assert reader.check(b'key=' + canary + b' name=' + canary)


class Careless:
    """A document that forgets what it was edited to."""

    text = 'a'
    disks = ()

    def edited(self, verbatims):
        return Careless()


def test_a_document_that_cannot_be_edited():
    with pytest.raises(readers.Broken, match='not read as it was meant'):
        readers._edited(lambda text: Careless(), 'a')


def test_no_name_is_looked_up():
    with pytest.raises(exceptions.ConfigError, match='cannot look up'):
        with readers._no_network():
            readers.READERS['ceph_conf'].read(b'mon_host = localhost')
