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

"""The monitors file, written by hand and as reports write it."""

import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.report import schema

FSID = '8a531320-0f05-4842-a642-2f40a98c65ab'
A, A2 = MonAddr('10.0.0.1', 6789), MonAddr('10.0.0.1', 3300)
B = MonAddr('fd00::1', 6789)
FULL = Cluster(
    name='ceph', fsid=FSID, source=Source.MONITORS_FILE,
    monmap=MonMap((Monitor('', A, (A2, A)), Monitor('', B, (B,)))),
    backends=(Backend('cinder', 'ssd', 'volumes', 'cinder', 'S'),
              Backend('libvirt', '', None, None, None)))
BARE = Cluster('slow', None, Source.MONITORS_FILE,
               MonMap((Monitor('', B, (B,)),)), ())
UNKNOWN = Cluster('lost', None, Source.NONE, MonMap(()), ())


@pytest.fixture
def load(tmp_path):
    def loaded(document):
        path = tmp_path / 'monitors.json'
        path.write_text(document if isinstance(document, str)
                        else json.dumps(document))
        return monitors_file.load(str(path))
    return loaded


def cluster(**changes):
    return {'name': 'ceph', 'monitors': ['10.0.0.1:6789'], **changes}


def test_what_reports_write_can_be_read(load):
    clusters = (FULL, BARE, UNKNOWN)
    assert load({'version': 1, 'records': [], 'summary': {}, 'clusters': [
        schema.cluster(each, frozenset({A}))
        for each in clusters]}) == clusters


def test_written_by_hand(load):
    assert load({'clusters': [
        {'name': 'slow', 'monitors': ['[fd00::1]:6789']}]}) == (BARE,)


def test_an_upper_case_fsid(load):
    found, = load({'clusters': [cluster(fsid=FSID.upper())]})
    assert found.fsid == FSID


@pytest.mark.parametrize('document, words', [
    ('', 'no JSON'),
    ('{"clusters": [}', 'no JSON'),
    ([], 'the whole is no object'),
    ({}, 'clusters is no list'),
    ({'version': 2, 'clusters': [cluster()]}, 'version is not 1'),
    ({'clusters': []}, 'clusters is empty'),
    ({'clusters': [5]}, 'clusters[0] is no object'),
    ({'clusters': [cluster(), {'monitors': ['10.0.0.1:6789']}]},
     'clusters[1].name is missing'),
    ({'clusters': [cluster(name=5)]}, 'clusters[0].name is no text'),
    ({'clusters': [{'name': 'a'}]}, 'clusters[0].monitors is no list'),
    ({'clusters': [cluster(monitors=[])]}, 'clusters[0].monitors is empty'),
    ({'clusters': [cluster(monitors='10.0.0.1:6789')]},
     'clusters[0].monitors is no list'),
    ({'clusters': [cluster(monitors=['10.0.0.1:6789', 5])]},
     'clusters[0].monitors[1] is no text'),
    ({'clusters': [cluster(monitors=['10.0.0.1:x'])]},
     'clusters[0].monitors[0]'),
    ({'clusters': [cluster(monitors=['10.0.0.1'])]},
     'clusters[0].monitors[0] is not an IP address with a port'),
    ({'clusters': [cluster(monitors=['mon1:6789'])]},
     'clusters[0].monitors[0] is not an IP address with a port'),
    ({'clusters': [cluster(monitors=['10.0.0.1:6789', '10.0.0.1:6789'])]},
     'clusters[0].monitors names one twice'),
    ({'clusters': [cluster(addresses=[])]}, 'clusters[0].addresses has not'),
    ({'clusters': [cluster(addresses={})]},
     'clusters[0].addresses is no list'),
    ({'clusters': [cluster(addresses=[['10.0.0.1:3300']])]},
     'clusters[0].addresses[0] lacks 10.0.0.1:6789'),
    ({'clusters': [cluster(addresses=[['x', '10.0.0.1:6789']])]},
     'clusters[0].addresses[0][0]'),
    ({'clusters': [cluster(fsid='x')]}, 'clusters[0].fsid is no UUID'),
    ({'clusters': [cluster(backends=5)]}, 'clusters[0].backends is no list'),
    ({'clusters': [cluster(backends=[{}])]},
     'clusters[0].backends[0].owner is missing'),
    ({'clusters': [cluster(backends=[{'owner': 'nova', 'pool': 5}])]},
     'clusters[0].backends[0].pool is no text'),
    ({'clusters': [cluster(), cluster()]}, 'name ceph occurs twice'),
    ({'clusters': [cluster(fsid=FSID), cluster(name='b', fsid=FSID)]},
     f'fsid {FSID} occurs twice'),
])
def test_errors_name_the_spot(load, tmp_path, document, words):
    with pytest.raises(exceptions.ConfigError) as caught:
        load(document)
    assert words in caught.value.message
    assert str(tmp_path / 'monitors.json') in caught.value.message
    assert 'monitors -f json' in caught.value.hint


def test_a_missing_file(tmp_path):
    with pytest.raises(exceptions.ConfigError, match='cannot be read'):
        monitors_file.load(str(tmp_path / 'none.json'))
