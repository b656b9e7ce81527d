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

"""Login to Nova's API, its microversion, and the meaning of its errors."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import loading
from novaclient import api_versions
from novaclient import client as nova_client
from novaclient import exceptions as nova_exceptions
from oslo_config import cfg

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_answers
from rbd_mon_fix.clients import nova_login
from rbd_mon_fix.clients import nova_servers

if TYPE_CHECKING:
    from novaclient.v2 import client as nova_v2_client

LOG = logging.getLogger(__name__)

GROUP = 'nova'

# As in Nova's rest_api_version_history.rst: 2.3 shows administrators the
# extended attributes, 2.69 lists the services of cells that are down, 2.73
# gives locks a reason. Nothing in newer versions is needed here.
OLDEST = api_versions.APIVersion('2.3')
NEWEST = api_versions.APIVersion('2.73')

# What they raise for other answers.
_ODD = (AttributeError, LookupError, RecursionError, TypeError, ValueError)

_LATER = ('Check that the services are running, and that auth_url and the '
          'compute endpoint are right, then try again.')


def connect(conf: cfg.ConfigOpts, cloud: Optional[str] = None,
            environ: Mapping[str, str] = os.environ) -> nova_servers.NovaApi:
    """Log in to Keystone and find Nova's API.

    :param conf: with the options of ``rbd_mon_fix.conf.nova_api`` registered
    :param cloud: the cloud of clouds.yaml that has the credentials; None if
        they are in [nova] or the environment
    :param environ: the variables of ``openrc`` files, read if [nova] has no
        credentials
    :raises ConfigError: the credentials are missing or rejected, or no
        supported Nova was found
    :raises Unreachable: Keystone or Nova does not answer
    """
    with _translated():
        login = nova_login.of(conf, GROUP, cloud, environ)
        session = loading.load_session_from_conf_options(
            conf, GROUP, auth=login.auth, **login.session)
        client = nova_client.Client(OLDEST, session=session,
                                    **_adapter_options(conf, login.adapter))
        client.api_version = _negotiated(client)
    LOG.debug("Speaking %s with Nova's API", client.api_version.get_string())
    return nova_servers.NovaApi(NovaClient(client))


class NovaClient:
    """Nova's API through novaclient."""

    def __init__(self, client: nova_v2_client.Client):
        self._client = client

    def read(self, path: str, key: str,
             **params: object) -> Mapping[str, object]:
        """Return the response, a JSON object with the key.

        novaclient's managers would leave completion caches in the home
        directory, so the request bypasses them. keystoneauth must not log
        the response, which contains the user data of servers.

        :raises Gone: nothing exists under that path
        """
        LOG.debug("Reading %s of Nova's API, %s", path, params)
        with _translated():
            _, body = self._client.client.get(path, params=params, log=False)
        if not isinstance(body, dict) or key not in body:
            raise nova_answers.no_nova()
        answer: Mapping[str, object] = body
        return answer

    def lock(self, uuid: str, reason: str) -> None:
        """Lock a server; the reason needs microversion 2.73.

        :raises Gone: the server does not exist
        """
        with _translated():
            self._client.servers.lock(uuid, reason=reason)

    def unlock(self, uuid: str) -> None:
        """Unlock a server, regardless of who locked it.

        :raises Gone: the server does not exist
        """
        with _translated():
            self._client.servers.unlock(uuid)


def _adapter_options(conf: cfg.ConfigOpts,
                     given: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {
        'service_type': conf[GROUP].service_type or 'compute', **given}
    try:
        loading.adapter.process_conf_options(conf[GROUP], options)
    except TypeError as error:
        raise exceptions.ConfigError(
            f'Invalid options in group [{GROUP}] of the config file: '
            f'{error}', 'Correct them.') from error
    for major_version in ('version', 'min_version', 'max_version'):
        options.pop(major_version)
    options['endpoint_type'] = options.pop('interface', None)
    return options


def _negotiated(client: Any) -> api_versions.APIVersion:
    try:
        current = client.versions.get_current()
        if current is None:
            raise nova_exceptions.Unauthorized(401)
        oldest = api_versions.APIVersion(current.min_version)
        newest = api_versions.APIVersion(current.version)
    except (*_ODD, nova_exceptions.NotFound,
            nova_exceptions.UnsupportedVersion) as error:
        raise nova_answers.no_nova() from error
    chosen = min(newest, NEWEST)
    if chosen < OLDEST or chosen < oldest:
        raise exceptions.ConfigError(
            f"Nova's API supports microversions {oldest.get_string()} to "
            f'{newest.get_string()}, but one from {OLDEST.get_string()} to '
            f'{NEWEST.get_string()} is needed.',
            'Use a release of Nova that supports one of these.')
    return chosen


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Translate errors of keystoneauth and novaclient to our own."""
    try:
        yield
    except (ksa_exceptions.ClientException,
            nova_exceptions.ClientException) as error:
        status = (getattr(error, 'code', None)
                  or getattr(error, 'http_status', None))
        raise (_of_status(status, error) if status else
               _of_client(error)) from error
    except cfg.ConfigFileValueError as error:
        raise _unusable(re.sub(r"LocationInfo\(.*?detail='(.*?)'\)", r'\1',
                               str(error))) from None
    except cfg.Error as error:
        # The message may quote the part of a password after a $.
        raise _unusable(type(error).__name__) from None
    except _ODD as error:
        # novaclient and keystoneauth take any answer for one of OpenStack.
        raise exceptions.ConfigError(
            "Keystone or Nova's API answers in an unexpected way "
            f'({type(error).__name__}).',
            'Check auth_url and the compute endpoint, and whether a proxy '
            'answers there.') from error


def _unusable(why: object) -> exceptions.ConfigError:
    return exceptions.ConfigError(
        f'Group [{GROUP}] cannot be used: {why}.',
        'Correct it in the config file of rbd-mon-fix; $$ stands for a $.')


def _of_status(status: int, error: Exception) -> exceptions.RbdMonFixError:
    if status == 401:
        return exceptions.ConfigError(
            "The credentials for Nova's API were not accepted.",
            'Check user, password, project and their domains.')
    if status == 403:
        return exceptions.ConfigError(
            "Nova's API denied this user a request that rbd-mon-fix needs.",
            nova_servers.ADMIN)
    if isinstance(error, nova_exceptions.NotFound):
        return exceptions.Gone("Nova's API has no such object.")
    if status == 429 or status >= 500:
        return exceptions.Unreachable(
            f"Nova's API or Keystone reported an error: {error}.", _LATER)
    return exceptions.ConfigError(
        f"Nova's API or Keystone rejected a request: {error}.", _LATER)


def _of_client(error: Exception) -> exceptions.RbdMonFixError:
    if isinstance(error, ksa_exceptions.SSLError):
        return exceptions.Unreachable(
            f"The TLS connection to Nova's API or Keystone failed: {error}.",
            'Check cafile in group [nova], or OS_CACERT.')
    if isinstance(error, (ksa_exceptions.ConnectionError,
                          ksa_exceptions.DiscoveryFailure)):
        return exceptions.Unreachable(
            f"Nova's API cannot be reached: {error}.", _LATER)
    if isinstance(error, ksa_exceptions.CatalogException):
        return exceptions.ConfigError(
            "No endpoint of Nova's API was found.",
            'Check that auth_url is a complete URL, and compare region_name, '
            "valid_interfaces and service_type with Keystone's catalog.")
    return exceptions.ConfigError(
        f"Nova's API cannot be used: {error}.",
        'Check the options of group [nova], or the OS_* variables.')
