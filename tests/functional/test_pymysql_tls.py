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

"""Logins of PyMySQL to a real server with TLS."""

from __future__ import annotations

import contextlib
import ssl

import pytest
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix.clients.database import connecting
from tests.functional import servers

LOGINS = 3


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    """Return the path of the server's certificate."""
    return tmp_path_factory.mktemp('tls') / 'certificate.pem'


@pytest.fixture(scope='module')
def url(certificate):
    """Return the URL of a server with TLS."""
    with servers.mariadb(certificate) as server:
        yield server.admin_url


def ciphers(url):
    """Return the cipher of each of some connections at the same time."""
    made = connecting.open_url(url)
    try:
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(made.connect())
                      for _ in range(LOGINS)]
            return [connection.execute(sa.text(
                "SHOW STATUS LIKE 'Ssl_cipher'")).one()[1]
                for connection in opened]
    finally:
        made.dispose()


def test_certificates_are_loaded_once(url, monkeypatch):
    loads = []
    load = ssl.SSLContext.load_default_certs
    monkeypatch.setattr(
        ssl.SSLContext, 'load_default_certs',
        lambda *given: loads.append(given) or load(*given))
    assert all(ciphers(url))
    assert len(loads) <= 1


def test_options_for_tls_are_obeyed(url, certificate, tmp_path):
    assert all(ciphers(url))
    own = url.update_query_dict({'ssl_ca': str(certificate)})
    assert all(ciphers(own))
    with pytest.raises(sa_exc.OperationalError, match='CERTIFICATE_VERIFY'):
        ciphers(url.update_query_dict({'ssl_capath': str(tmp_path)}))
