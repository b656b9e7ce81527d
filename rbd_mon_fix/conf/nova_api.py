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

"""The options of group [nova]: how to reach Nova's API."""

from __future__ import annotations

import os
from typing import Any, Mapping

from oslo_config import cfg

GROUP = 'nova'

# Without a bound a request waits for ever. Locking and unlocking are as good
# done twice as once, so that errors on the way may be answered by a retry.
DEFAULTS: Mapping[str, Any] = {
    'timeout': 60,
    'connect_retries': 2,
    'status_code_retries': 2,
    'retriable_status_codes': [500, 502, 503, 504],
}


def configured(conf: cfg.ConfigOpts,
               environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether there are credentials for Nova's API.

    The config files are read once more on the side: keystoneauth registers
    these very options itself, and importing it costs more than a run that
    asks nothing of the API should pay.

    :param conf: a parsed config
    :param environ: the environment, where ``openrc`` files put theirs
    """
    probe = cfg.ConfigOpts()
    probe.register_opts([cfg.StrOpt('auth_type'), cfg.StrOpt('auth_section')],
                        group=GROUP)
    probe(args=[], default_config_files=conf.config_file or [],
          default_config_dirs=conf.config_dir or [])
    return bool(probe[GROUP].auth_type or probe[GROUP].auth_section
                or environ.get('OS_AUTH_URL') or environ.get('OS_AUTH_TYPE'))


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options that ``clients.nova_api.connect`` reads.

    Those of the auth plugin itself (``auth_url``, ``username`` ...) are
    registered by keystoneauth once ``auth_type`` is known.
    """
    from keystoneauth1 import loading
    conf.register_opts(_connection_opts(), group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options for oslo-config-generator.

    Those of the plugin ``password`` stand for all plugins.
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
