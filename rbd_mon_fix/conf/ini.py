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

"""Reads the config files of other services into a ConfigOpts of their own.

Nova and Cinder share option names, so each gets its own ConfigOpts; and the
environment is not read, where ``OS_DATABASE__CONNECTION`` would mean both.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Sequence

from oslo_config import cfg

from rbd_mon_fix import exceptions


def read(paths: Sequence[str], service: str,
         opts: Sequence[tuple[Optional[str], cfg.Opt]]) -> cfg.ConfigOpts:
    """Read config files; options that are not asked for are ignored.

    :param paths: the files, a later one wins
    :param service: whose they are: ``nova`` or ``cinder``
    :param opts: group (None for DEFAULT) and option of each that is wanted
    :raises ConfigError: a file is missing, unreadable or malformed; the
        message never quotes the file, which holds passwords
    """
    conf = cfg.ConfigOpts()
    for group, opt in opts:
        conf.register_opt(opt, group=group)
    hint = f'Name the right files with --{service}-config-file.'
    try:
        conf([], project=service, default_config_files=list(paths),
             default_config_dirs=[], use_env=False)
    except cfg.ConfigFilesNotFoundError as e:
        raise exceptions.ConfigError(
            f'The config file {_names(e)} does not exist.', hint) from e
    except cfg.ConfigFilesPermissionDeniedError as e:
        raise exceptions.ConfigError(
            f'The config file {_names(e)} cannot be read.',
            f'Run as root, or as a user who may read it. {hint}') from e
    except cfg.ConfigFileParseError as e:
        raise exceptions.ConfigError(
            f'The config file {e.config_file} cannot be parsed'
            f'{_line_of(e)}.', 'Put right what is there.') from None
    except (OSError, UnicodeDecodeError) as e:
        raise exceptions.ConfigError(
            f'The config files of {service} cannot be read: '
            f'{type(e).__name__}.', hint) from None
    return conf


def value(conf: cfg.ConfigOpts, name: str,
          group: Optional[str] = None) -> Any:
    """Return the value of an option.

    :raises ConfigError: it is malformed, or refers to an option that is not
        among those that were asked for
    """
    try:
        return conf[group][name] if group else conf[name]
    except (cfg.Error, ValueError):
        raise exceptions.ConfigError(
            f'The option {name} in [{group or "DEFAULT"}] of '
            f'{", ".join(conf.default_config_files)} cannot be used.',
            'Write its value out in full, without $ references.') from None


def _names(error: Any) -> str:
    return ', '.join(error.config_files)


def _line_of(error: cfg.ConfigFileParseError) -> str:
    match = re.search(r'at (?:line |\S*:)(\d+)', str(error.msg))
    return f' at line {match.group(1)}' if match else ''
