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

"""Credentials for Nova's API: [nova], clouds.yaml or the environment."""

from __future__ import annotations

import copy
import dataclasses
import logging
from typing import Any, Mapping, Optional

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import loading
from keystoneauth1 import plugin
from oslo_config import cfg

from rbd_mon_fix import exceptions

_SERVICE = 'compute'


@dataclasses.dataclass(frozen=True)
class Login:
    """How to log in to Keystone and to find Nova's API.

    :param session: arguments of the session, such as ``cacert``
    :param adapter: arguments of the client, such as ``region_name``
    """

    auth: plugin.BaseAuthPlugin
    session: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    adapter: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def of(conf: cfg.ConfigOpts, group: str, cloud: Optional[str],
       environ: Mapping[str, str]) -> Login:
    """Return how to log in.

    :param group: the group with the options of keystoneauth
    :param cloud: the cloud of clouds.yaml that has the credentials; None if
        they are in the group or the environment
    :raises ConfigError: there are no credentials, or they cannot be read
    """
    if cloud:
        login = _of_cloud(cloud, environ)
    else:
        login = _of_options(conf, group, environ)
    _without_token(login.auth)
    return login


class _NoToken(plugin.BaseAuthPlugin):
    """The credentials of a session that is used to log in."""

    def get_token(self, session: Any, **options: Any) -> Optional[str]:
        """Refuse to log in."""
        raise ksa_exceptions.Unauthorized()


def _without_token(auth: Any) -> None:
    """Let a login send no token.

    If Keystone wants one for its list of versions, keystoneauth logs in
    during the login, and waits for its own lock for ever
    (identity/base.py, get_access; discover.py, get_version_data).
    """
    login = getattr(auth, 'get_auth_ref', None)
    if login is None:
        return

    def get_auth_ref(session: Any, **options: Any) -> Any:
        bare = copy.copy(session)
        bare.auth = _NoToken()
        return login(bare, **options)
    auth.get_auth_ref = get_auth_ref


def _of_options(conf: cfg.ConfigOpts, group: str,
                environ: Mapping[str, str]) -> Login:
    auth = loading.load_auth_from_conf_options(conf, group)
    if auth:
        return Login(auth)
    return Login(
        _environ_auth(environ),
        _present(environ, cacert='OS_CACERT', cert='OS_CERT', key='OS_KEY'),
        _present(environ, region_name='OS_REGION_NAME',
                 interface='OS_INTERFACE'))


def _environ_auth(environ: Mapping[str, str]) -> plugin.BaseAuthPlugin:
    kind = environ.get('OS_AUTH_TYPE')
    if not kind and not environ.get('OS_AUTH_URL'):
        raise exceptions.ConfigError(
            "There are no credentials for Nova's API.",
            'Set auth_type and its options in group [nova] of the config '
            'file, or set OS_CLOUD or the other OS_* variables.')
    kind = kind or ('token' if environ.get('OS_TOKEN') else 'password')

    def value(opt: loading.Opt) -> Optional[str]:
        names = [opt.dest, *(old.dest for old in opt.deprecated)]
        found = (environ.get(f'OS_{name.upper()}') for name in names)
        return next(filter(None, found), None)

    loader: loading.BaseLoader[plugin.BaseAuthPlugin] = (
        loading.get_plugin_loader(kind))
    return loader.load_from_options_getter(value)


def _present(environ: Mapping[str, str], **names: str) -> dict[str, str]:
    return {key: environ[name] for key, name in names.items()
            if environ.get(name)}


def _of_cloud(name: str, environ: Mapping[str, str]) -> Login:
    """Read the entry of a cloud in clouds.yaml.

    As for the openstack command, ``OS_REGION_NAME`` and ``OS_INTERFACE``
    choose among the endpoints of the cloud.
    """
    import yaml
    try:
        from openstack import config
        from openstack import exceptions as sdk_exceptions
    except ImportError as error:
        raise exceptions.ConfigError(
            f'The credentials of cloud {name} cannot be read: the Python '
            f'module {error.name} is missing.',
            "Install the Python package openstacksdk, or set the credentials "
            'in group [nova] of the config file.') from error
    # Its warnings about a file that it cannot parse quote the file.
    logging.getLogger('openstack.config').setLevel(logging.CRITICAL)
    try:
        clouds = config.OpenStackConfig()
        if name not in clouds.get_cloud_names():
            raise _unknown(name, clouds)
        return _entry(clouds.get_one(
            name, region_name=environ.get('OS_REGION_NAME') or None), environ)
    except (sdk_exceptions.ConfigException, AttributeError, LookupError,
            TypeError, ValueError, yaml.YAMLError) as error:
        # The message may quote the entry, with its password.
        raise exceptions.ConfigError(
            f'The entry of cloud {name} in clouds.yaml cannot be used: '
            f'{type(error).__name__}.', f'Correct it; "openstack --os-cloud '
            f'{name} token issue" tells more.') from None


def _entry(cloud: Any, environ: Mapping[str, str]) -> Login:
    verify, cert = cloud.get_requests_verify_args()
    certificate, key = cert if isinstance(cert, tuple) else (cert, None)
    session = {'insecure': not verify, 'cert': certificate, 'key': key,
               'cacert': verify if isinstance(verify, str) else None}
    adapter = {
        'region_name': cloud.get_region_name(_SERVICE),
        'interface': (environ.get('OS_INTERFACE')
                      or cloud.get_interface(_SERVICE)),
        'endpoint_override': cloud.get_endpoint(_SERVICE)}
    return Login(cloud.get_auth(), session, {
        key: value for key, value in adapter.items() if value})


def _unknown(name: str, clouds: Any) -> exceptions.ConfigError:
    where = (clouds.config_filename
             or 'clouds.yaml, which was not found or cannot be read')
    # openstacksdk invents this one if there is no other.
    names = sorted({*clouds.get_cloud_names()} - {'defaults'})
    return exceptions.ConfigError(
        f'There is no cloud {name} in {where}.',
        f'Give one of {", ".join(names)}.' if names else
        'Set OS_CLIENT_CONFIG_FILE, or put the file in /etc/openstack.')
