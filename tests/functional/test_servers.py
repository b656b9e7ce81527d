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

"""The servers that tests start, beside each other."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
import sqlalchemy as sa

from tests.functional import releases
from tests.functional import servers


def test_a_server_leaves_the_temporary_tables_of_another():
    """MariaDB deletes all that it finds in its folder when it starts.

    See ``mysql_rm_tmp_tables`` in sql/sql_base.cc.
    """
    with servers.mariadb() as first:
        made = sa.create_engine(first.admin_url)
        with made.connect() as connection:
            connection.exec_driver_sql(
                'CREATE TEMPORARY TABLE few (n INT) ENGINE = Aria')
            with servers.mariadb():
                pass
            connection.exec_driver_sql('DROP TEMPORARY TABLE few')
        made.dispose()


@pytest.mark.parametrize('name', releases.ENGINES)
def test_what_is_saved_is_loaded(engine, migrated, tmp_path, name):
    source = engine(name).clone(migrated('nova-latest', name), 'saved_')
    target = engine(name).create('loaded_')
    row = {'id': 7, 'deleted': 0, 'connection_info': '{"a": "\\n\\u00e9 \'é"}'}
    with opened(source.cell) as made, made.begin() as connection:
        connection.execute(bdm(made).insert(), row)
    engine(name).save(source, tmp_path)
    engine(name).load(target, tmp_path)
    for old, new in zip(dataclasses.astuple(source),
                        dataclasses.astuple(target)):
        assert schema(old) == schema(new)
    with opened(target.cell) as made, made.connect() as connection:
        [found] = connection.execute(sa.select(bdm(made))).mappings()
    assert {key: found[key] for key in row} == row
    engine(name).drop(source)
    engine(name).drop(target)


@contextlib.contextmanager
def opened(url):
    made = sa.create_engine(url)
    yield made
    made.dispose()


def bdm(made):
    return sa.Table('block_device_mapping', sa.MetaData(), autoload_with=made)


def schema(url):
    """Return all that SQLAlchemy finds out about the tables."""
    with opened(url) as made:
        found = sa.inspect(made)
        return {table: repr((
            found.get_columns(table), found.get_pk_constraint(table),
            found.get_foreign_keys(table), found.get_indexes(table),
            found.get_unique_constraints(table),
            found.get_check_constraints(table)))
            for table in found.get_table_names()}
