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

"""Texts of SQLite that are none."""

import pytest
import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine


@pytest.fixture
def database(tmp_path):
    return engine.Database(f'sqlite:///{tmp_path}/x', 'The database')


STORED = [("CAST(x'6eff' AS TEXT)", 'n\\xff'), ("x'6e00c3a4'", 'n\0\xe4'),
          ("CAST(x'6e00ff' AS TEXT)", 'n\0\\xff'), ("'\xe4'", '\xe4'),
          ('NULL', None), ('7', 7)]


@pytest.mark.parametrize('stored, expected', STORED)
def test_bytes_that_are_no_text(database, stored, expected):
    query = sa.select(sa.literal_column(stored), sa.literal('beside'))
    assert database.read(query, lambda *row: row) == [(expected, 'beside')]
