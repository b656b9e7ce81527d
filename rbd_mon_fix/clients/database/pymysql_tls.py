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

"""Logins of PyMySQL that load the certificates of the system only once.

Newer releases of PyMySQL use TLS with each server that has it, whatever its
certificate, if the URL has no option for TLS. For each such login they load
the certificates of the system, which takes 20 milliseconds, and compare none
(pymysql/connections.py, ``_create_ssl_ctx``).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

if TYPE_CHECKING:
    import ssl


@functools.lru_cache(maxsize=None)
def connection_class(pymysql: Any) -> Any:
    """Return PyMySQL's class of connections, with a context to share.

    ``_create_ssl_ctx`` is not public: with a release that lacks it, each login
    loads the certificates. A context with options is made for each login.

    Listeners to SQLAlchemy's events tell drivers by the name of the module of
    a connection's class; the name of this one contains ``pymysql``, too.

    :param pymysql: the module
    """
    class SharedTLS(pymysql.connections.Connection):  # type: ignore[misc]
        shared: Optional[ssl.SSLContext] = None

        def _create_ssl_ctx(self, sslp: Union[
                ssl.SSLContext, Mapping[str, object]]) -> ssl.SSLContext:
            if not sslp and SharedTLS.shared is not None:
                return SharedTLS.shared
            made: ssl.SSLContext = super()._create_ssl_ctx(sslp)
            if not sslp:
                SharedTLS.shared = made
            return made

    return SharedTLS
