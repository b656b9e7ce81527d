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

"""Values in rbd-mon-fix's own config files that cannot be used."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Sequence

from oslo_config import cfg
from oslo_config import iniparser
from oslo_config import types
from oslo_log import _options as log_options

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import ini
from rbd_mon_fix.conf import options

# The options of each group, by each name that a file may use.
_Known = Mapping[str, Mapping[str, cfg.Opt]]

# Options of oslo.config itself, which a $ reference may name.
_OSLO = ('config_file', 'config_dir', 'config_source')


def check(paths: Iterable[str]) -> None:
    """Refuse the first bad value, naming its file and not quoting it.

    oslo.config names only the option. Files that cannot be parsed, and
    options of keystoneauth, are left to their readers.

    :param paths: the config files
    :raises ConfigError: an option has a value that it cannot have
    """
    known = _known()
    for path in paths:
        for group, name, values in _assignments(path):
            opt = known.get(group, {}).get(name)
            if opt is None:
                continue
            for value in values if opt.multi else values[-1:]:
                hint = (_unresolved(value, group, known) if '$' in value
                        else _misfit(opt, value))
                if hint:
                    raise exceptions.ConfigError(
                        f'Invalid value of option {name} in [{group}] of '
                        f'{path}.', hint)


def _known() -> _Known:
    groups: dict[str, Sequence[cfg.Opt]] = {
        'DEFAULT': [*options.OPTS, *(opt for _, opts in
                                     log_options.list_opts() for opt in opts)],
        'ceph': options.CEPH_OPTS, 'hook': options.HOOK_OPTS,
        'shield': options.SHIELD_OPTS}
    return {group: {name: opt for opt in opts for name in ini.names([opt])}
            for group, opts in groups.items()}


def _assignments(path: str) -> Iterator[tuple[str, str, list[str]]]:
    try:
        found = ini.assigned(path)
    except (iniparser.ParseError, OSError, ValueError):
        return
    for section, settings in found.items():
        group = section if section == 'DEFAULT' else section.lower()
        for name, values in settings.items():
            yield group, name, values


def _misfit(opt: cfg.Opt, value: str) -> str:
    """Return what the value should be, if it is of the wrong type."""
    try:
        opt.type(value)
    except ValueError:
        choices = getattr(opt.type, 'choices', None)
        if choices:
            return f'Use one of {", ".join(map(str, choices))}.'
        if isinstance(opt.type, types.Boolean):
            return 'Use true or false.'
        return ('Use a whole number.' if isinstance(opt.type, types.Integer)
                else 'Correct it.')
    return ''


def _unresolved(value: str, group: str, known: _Known) -> str:
    """Return what to do about a $ reference that does not resolve."""
    template = cfg.ConfigOpts.Template(value.replace(r'\$', '$$'))
    for found in template.pattern.finditer(template.template):
        name = found['named'] or found['braced']
        first, _, second = (name or '').partition('.')
        if name and not (name in _OSLO or first in known.get(group, {})
                         or first in known['DEFAULT']
                         or second in known.get(first, {})):
            return 'A $ reference must name an option; $$ stands for a $.'
    return ''
