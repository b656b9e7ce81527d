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

"""The sample config matches the output of oslo-config-generator.

The test compares option by option, not the text: the help texts of oslo.log's
and keystoneauth's options depend on the installed versions.
"""

from __future__ import annotations

import pathlib
import re

from oslo_config import cfg
import pytest

from rbd_mon_fix.conf import nova_api
from rbd_mon_fix.conf import options

SAMPLE = pathlib.Path(__file__).resolve().parents[2].joinpath(
    'etc/rbd-mon-fix/rbd-mon-fix.conf.sample')

OURS = {'DEFAULT': options.OPTS, 'ceph': options.CEPH_OPTS,
        'hook': options.HOOK_OPTS, 'shield': options.SHIELD_OPTS}


def paragraphs(group: str) -> list[str]:
    """Return the sample's paragraphs of one group of this project."""
    text = f'\n{SAMPLE.read_text()}'.partition(f'\n[{group}]\n')[2]
    text = re.split(r'\n\[\w+\]\n', text)[0]
    own = text.partition('# From rbd_mon_fix\n#\n')[2]
    assert own, f'the sample has nothing of ours in [{group}]'
    return own.strip().split('\n\n')


def shown(group: str) -> dict[str, tuple[str, str]]:
    """Return the help and the default of each option of a group."""
    found = {}
    for paragraph in paragraphs(group):
        lines = paragraph.splitlines()
        comment = [line for line in lines if re.match('#( |$)', line)]
        settings = [line.lstrip('#').split(' =') for line in lines
                    if line not in comment]
        (option,) = {option for option, _ in settings}
        found[option] = (' '.join(line.lstrip('# ') for line in comment),
                         ','.join(value.strip() for _, value in settings))
    return found


def default_of(opt: cfg.Opt) -> str:
    if opt.default is None:
        return '<None>'
    if isinstance(opt.default, list):
        return ','.join(opt.default)
    if isinstance(opt.default, bool):
        return str(opt.default).lower()
    return str(opt.default)


@pytest.mark.parametrize('group', OURS)
def test_it_has_our_options_and_no_more(group):
    assert list(shown(group)) == [opt.dest for opt in OURS[group]]


@pytest.mark.parametrize('group, opt', [
    pytest.param(group, opt, id=f'{group}-{opt.name}')
    for group, opts in OURS.items() for opt in opts])
def test_it_is_current(group, opt):
    words, default = shown(group)[opt.dest]
    told = re.sub(r' \((?:[\w ]+ value|multi valued)\)'
                  r'(?: Minimum value: [\d.]+)?$', '', words)
    assert told == ' '.join(opt.help.split())
    assert default == default_of(opt)


def test_it_has_our_defaults_for_novas_api():
    found = shown('nova')
    assert {key: found[key][1] for key in nova_api.DEFAULTS} == {
        key: ','.join(map(str, value)) if isinstance(value, list)
        else str(value) for key, value in nova_api.DEFAULTS.items()}


def test_it_sets_nothing():
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf(['--config-file', str(SAMPLE)], project='rbd-mon-fix')
    settings = [line for line in SAMPLE.read_text().splitlines()
                if line and not line.startswith(('#', '['))]
    assert settings == []
    assert conf.journal_dir == '/var/lib/rbd-mon-fix'
