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

"""A flag replaces the values from files, wherever the files stand."""

from __future__ import annotations

from oslo_config import cfg
import pytest

from rbd_mon_fix.conf import flag_list


@pytest.fixture
def parse(tmp_path):
    for name in ('default', 'own', 'later'):
        (tmp_path / f'{name}.conf').write_text(
            f'[DEFAULT]\nname = {name}\nname = {name}2\n')

    def parsed(words, *files):
        conf = cfg.ConfigOpts()
        conf.register_cli_opts([flag_list.FlagListOpt('name', default=['d']),
                                flag_list.FlagListOpt('other')])
        conf(words.replace('@', f'{tmp_path}/').split(' ') if words else [],
             project='x', default_config_files=[
                 str(tmp_path / f'{name}.conf') for name in files],
             default_config_dirs=[])
        return conf.name
    return parsed


@pytest.mark.parametrize('words, files, expected', [
    ('', (), ['d']),
    ('', ('default',), ['default', 'default2']),
    ('', ('default', 'later'), ['default', 'default2', 'later', 'later2']),
    ('--other x', ('default',), ['default', 'default2']),
    ('--name a', (), ['a']),
    ('--name a --name b', (), ['a', 'b']),
    ('--name a --name b', ('default',), ['a', 'b']),
    ('--name=', ('default',), ['']),
    ('--config-file @own.conf --name a', (), ['a']),
    ('--name a --config-file @own.conf', (), ['a']),
    ('--name a --config-file @own.conf --name b', (), ['a', 'b']),
    ('--config-file @own.conf --name= --config-file @later.conf', (), ['']),
    ('--na a', ('default',), ['a'])])
def test_what_holds(parse, words, files, expected):
    assert parse(words, *files) == expected
