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

"""Warnings about unknown options in rbd-mon-fix's own config files."""

from __future__ import annotations

import difflib
from typing import Collection, Iterator, Mapping, Optional

from oslo_config import cfg
from oslo_log import _options as log_options
from oslo_log import log as logging

from rbd_mon_fix.conf import ini
from rbd_mon_fix.conf import nova_api
from rbd_mon_fix.conf import options

LOG = logging.getLogger(__name__)

# Assignments in the files: path, group, option, value.
_Assignments = list[tuple[str, str, str, str]]
_Names = Mapping[str, Collection[str]]


def warn(conf: cfg.ConfigOpts) -> None:
    """Warn about each unknown option, without showing its value.

    :param conf: the parsed config, from any files
    """
    found = list(_assignments(conf))
    known = _known(conf, found)
    for path, group, name, _value in found:
        if name not in known.get(group, ()):
            LOG.warning('Unknown option %s in [%s] of %s%s', name, group,
                        path, _suggestion(group, name, known))


def _assignments(conf: cfg.ConfigOpts) -> Iterator[tuple[str, str, str, str]]:
    """Yield the assignments in the files, in the order of the files."""
    for path in ini.own_files(conf.config_file or [], conf.config_dirs
                              or conf.config_dir or []):
        for section, settings in ini.assigned(path).items():
            group = section if section == 'DEFAULT' else section.lower()
            for name, values in settings.items():
                yield path, group, name, values[-1]


def _known(conf: cfg.ConfigOpts, found: _Assignments) -> _Names:
    """Return the options of each group that we or a library read."""
    known: dict[str, Collection[str]] = {
        'DEFAULT': {'config_file', 'config_dir', 'config_source',
                    *ini.names(options.OPTS),
                    *(name for _, opts in log_options.list_opts()
                      for name in ini.names(opts))},
        'ceph': ini.names(options.CEPH_OPTS),
        'hook': ini.names(options.HOOK_OPTS),
        'shield': ini.names(options.SHIELD_OPTS)}
    # oslo.config passes these groups to drivers, which have their own options.
    for source in conf.config_source or ():
        known[source] = {name for _, group, name, _ in found
                         if group == source}
    return {**known, **_of_nova(found)}


def _of_nova(found: _Assignments) -> _Names:
    """Return the options of [nova] and of its ``auth_section``."""
    group = nova_api.GROUP
    for _path, section, name, value in found:
        if (section, name) == (nova_api.GROUP, 'auth_section') and value:
            group = value.lower()
    groups = {nova_api.GROUP, group}
    used = {name for _, section, name, _ in found if section in groups}
    names: Optional[Collection[str]] = nova_api.USUAL
    if used - nova_api.USUAL:
        types = [value for _, section, name, value in found
                 if (section, name) == (group, 'auth_type')]
        names = nova_api.option_names(types[-1] if types else None)
    # The login reports a plugin that does not exist.
    return dict.fromkeys(groups, used if names is None else names)


def _suggestion(group: str, name: str, known: _Names) -> str:
    """Suggest the most similar option, in the same group if possible."""
    groups = ([group] if group in known
              else difflib.get_close_matches(group, known, 1))
    near = [(each, match) for each in groups for match in
            difflib.get_close_matches(name, known[each], 1)]
    near += [(each, name) for each in known if name in known[each]]
    if not near:
        return ''
    where, nearest = near[0]
    place = '' if where == group else f' in [{where}]'
    return f'; did you mean {nearest}{place}?'
