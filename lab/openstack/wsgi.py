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

from lab import network
from lab import services
from lab.openstack import config


def service(name: str, port: int, path: str = '/', *, module: str,
            program: str = '', processes: int = 2) -> services.Service:
    """Return a service that runs a WSGI application of the package.

    The service tells clients to open a connection for each request: uWSGI's
    plain socket keeps no connection open, but clients would assume that it
    does.

    :param path: answers when the service is up
    :param module: has the application
    :param program: the package's script for the application, which older
        releases have in the place of the module
    :param processes: how many serve requests
    """
    script = _path(program) if program else None
    return services.Service(
        name,
        ('uwsgi_python3', '--plugins', 'python3', '--http-socket',
         f'{network.ADDRESS}:{port}',
         *(('--wsgi-file', script) if script
           else ('--module', f'{module}:application')),
         '--processes', str(processes), '--master', '--die-on-term',
         # Each process needs its own threads and connections.
         '--need-app', '--lazy-apps', '--enable-threads',
         '--add-header', 'Connection: close', '--buffer-size', '65535',
         '--disable-logging'),
        lambda: answers(port, path))


def installed(program: str) -> bool:
    """Return whether the packages bring a program."""
    return _path(program) is not None


def _path(program: str) -> Optional[str]:
    return shutil.which(program, path=services.ENVIRONMENT['PATH'])


def answers(port: int, path: str = '/') -> None:
    """Return if a service answers.

    :raises OSError: it does not
    """
    with request.urlopen(config.url(port, path), timeout=20):
        pass
