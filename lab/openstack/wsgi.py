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

"""Services that are WSGI applications, under uWSGI."""

from __future__ import annotations

import shutil
from typing import Optional
from urllib import request

from lab import services
from lab.openstack import config


def service(name: str, program: str, port: int, path: str = '/',
            environment: Optional[dict[str, str]] = None
            ) -> services.Service:
    """Return a service that runs one of the package's WSGI programs.

    The service tells clients to open a connection for each request: uWSGI's
    plain socket keeps no connection open, but clients would assume that it
    does.

    :param path: answers when the service is up
    """
    script = shutil.which(program, path=services.ENVIRONMENT['PATH'])
    return services.Service(
        name,
        ('uwsgi_python3', '--plugins', 'python3', '--http-socket',
         f'{config.ADDRESS}:{port}', '--wsgi-file', script or program,
         '--processes', '2', '--master', '--die-on-term', '--need-app',
         '--add-header', 'Connection: close', '--buffer-size', '65535',
         '--disable-logging'),
        lambda: answers(port, path), environment or {})


def answers(port: int, path: str = '/') -> None:
    """Return if a service answers.

    :raises OSError: it does not
    """
    with request.urlopen(config.url(port, path), timeout=20):
        pass
