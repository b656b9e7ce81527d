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

import sqlalchemy as sa

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
