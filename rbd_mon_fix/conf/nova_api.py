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

"""The options of group [nova], for login to Nova's API."""

from __future__ import annotations

import os
from typing import Mapping, Optional

from oslo_config import cfg

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import ini

GROUP = 'nova'

# Without a timeout a request waits forever. Locking and unlocking are
# idempotent, so lost connections and server errors may be retried.
DEFAULTS: Mapping[str, object] = {
    'timeout': 60,
    'connect_retries': 2,
    'status_code_retries': 2,
    'retriable_status_codes': [500, 502, 503, 504],
}

# The options of keystoneauth that most configs use. For any other option,
# ``option_names`` has to import keystoneauth.
USUAL = frozenset({
    'auth_section', 'auth_type', 'auth_url', 'cafile', 'insecure', 'password',
    'project_domain_id', 'project_domain_name', 'project_id', 'project_name',
    'region_name', 'user_domain_id', 'user_domain_name', 'username',
    'valid_interfaces', *DEFAULTS})


def configured(conf: cfg.ConfigOpts,
               environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether there are credentials for Nova's API.

    :param conf: a parsed config
    :param environ: the environment, where ``openrc`` files set credentials
    """
    return bool(cloud(conf, environ) or _has_credentials(conf)
                or environ.get('OS_AUTH_URL') or environ.get('OS_AUTH_TYPE'))


def cloud(conf: cfg.ConfigOpts,
          environ: Mapping[str, str] = os.environ) -> Optional[str]:
    """Return the name in clouds.yaml of the cloud to log in to.

    ``os_cloud`` overrides [nova], which overrides the environment.

    :returns: None if the credentials are not in clouds.yaml
    """
    if conf.os_cloud:
        return str(conf.os_cloud)
    return None if _has_credentials(conf) else environ.get('OS_CLOUD') or None


def _has_credentials(conf: cfg.ConfigOpts) -> bool:
    """Return whether [nova] has credentials.

    The config files are read a second time, into a separate ConfigOpts:
    keystoneauth registers the same options, and importing it takes too long
    for a run without the API.

    :raises ConfigError: the files are gone, or can no longer be read
    """
    probe = cfg.ConfigOpts()
    probe.register_opts([cfg.StrOpt('auth_type'), cfg.StrOpt('auth_section')],
                        group=GROUP)
    try:
        probe(args=[], default_config_files=conf.config_file or [],
              default_config_dirs=conf.config_dir or [])
    except cfg.Error as error:
        # Its text may quote a line of a file.
        raise exceptions.ConfigError(
            'The config files of rbd-mon-fix can no longer be read: '
            f'{type(error).__name__}.',
            'Check that they exist, and that this user may read them.'
        ) from None
    return bool(probe[GROUP].auth_type or probe[GROUP].auth_section)


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options that ``clients.nova_api.connect`` reads.

    keystoneauth registers the options of the auth plugin (``auth_url``,
    ``username`` and others) when it knows ``auth_type``.
    """
    from keystoneauth1 import loading
    conf.register_opts(_connection_opts(), group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)


def option_names(auth_type: Optional[str]) -> Optional[frozenset[str]]:
    """Return all option names that are valid in the group in a file.

    :param auth_type: the auth plugin; None for the usual plugin
    :returns: None if the plugin is not installed
    """
    from keystoneauth1 import exceptions as keystone_exceptions
    from keystoneauth1 import loading
    try:
        plugin = loading.get_auth_plugin_conf_options(auth_type or 'password')
    except keystone_exceptions.NoMatchingPlugin:
        return None
    return ini.names([*plugin, *loading.get_auth_common_conf_options(),
                      *loading.get_session_conf_options(),
                      *loading.get_adapter_conf_options()])


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options for oslo-config-generator.

    The options of the plugin ``password`` represent all plugins.
    """
    from keystoneauth1 import loading
    opts = (loading.get_auth_common_conf_options()
            + loading.get_auth_plugin_conf_options('password')
            + _connection_opts())
    return [(GROUP, opts)]


def _connection_opts() -> list[cfg.Opt]:
    from keystoneauth1 import loading
    opts = (loading.get_session_conf_options()
            + loading.get_adapter_conf_options(include_deprecated=False))
    cfg.set_defaults(opts, **DEFAULTS)
    return opts
