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

"""The context of TLS that logins of PyMySQL share."""

from __future__ import annotations

import ssl

import pymysql

from rbd_mon_fix.clients.database import pymysql_tls


def test_logins_without_options_share_a_context():
    found = pymysql_tls.connection_class(pymysql)
    first, second = (found(defer_connect=True) for _ in range(2))
    # Older releases use no TLS without options.
    assert getattr(first, 'ctx', None) is getattr(second, 'ctx', None)
    assert first._create_ssl_ctx({}) is second._create_ssl_ctx({})


def test_a_context_with_options_is_not_shared(tmp_path):
    found = pymysql_tls.connection_class(pymysql)
    shared = found(defer_connect=True)._create_ssl_ctx({})
    checked = found(defer_connect=True, ssl={'capath': str(tmp_path)})
    assert checked.ctx.verify_mode is ssl.CERT_REQUIRED
    assert shared.verify_mode is ssl.CERT_NONE


def test_listeners_know_the_driver_by_the_module_of_its_class():
    assert 'pymysql' in pymysql_tls.connection_class(pymysql).__module__
