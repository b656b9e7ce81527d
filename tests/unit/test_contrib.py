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

"""What monitoring systems are given: it fits the metrics and the command."""

from __future__ import annotations

import argparse
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from rbd_mon_fix.cli import parser
from tests.unit.report import test_metrics

pytestmark = pytest.mark.once

CONTRIB = pathlib.Path(__file__).parents[2] / 'contrib'
RULES = CONTRIB / 'prometheus' / 'rbd-mon-fix.rules.yml'
NRPE = CONTRIB / 'nrpe' / 'rbd-mon-fix.cfg'
BOUND = 60


def rules():
    [group] = yaml.safe_load(RULES.read_text())['groups']
    return group['rules']


@pytest.mark.parametrize('rule', rules(), ids=lambda rule: rule['alert'])
def test_alerts_are_about_metrics_that_exist(rule):
    [name] = re.findall(r'rbd_mon_fix_(\w+)', rule['expr'])
    assert name in test_metrics.LABELS
    used = {*re.findall(r'(\w+)=~?"', rule['expr']),
            *re.findall(r'by \((\w+)\)', rule['expr'])}
    assert used <= test_metrics.LABELS[name]


def test_promtool_takes_everything():
    """Debian's package prometheus has it; bindep.txt does not demand it."""
    promtool = shutil.which('promtool')
    if promtool is None:
        pytest.skip('promtool is missing')
    for words, stdin in ((['rules', str(RULES)], None),
                         (['metrics'], test_metrics.GOLDEN.read_text())):
        done = subprocess.run([promtool, 'check', *words], input=stdin,
                              capture_output=True, text=True, timeout=BOUND)
        assert (done.returncode, done.stderr) == (0, '')


def test_the_command_for_nrpe_can_be_parsed():
    [command] = re.findall(r'^command\[\w+\]=(.+)$', NRPE.read_text(),
                           re.MULTILINE)
    line = command.partition('rbd-mon-fix ')[2]
    assert f'/usr/local/sbin/rbd-mon-fix {line}\n' in (
        NRPE.read_text().partition('NOPASSWD: ')[2])
    top = argparse.ArgumentParser()
    parser.add_parsers(top.add_subparsers(), None)
    assert top.parse_args(line.split()).format == 'nagios'
