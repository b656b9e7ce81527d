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

"""The documentation's example works as described."""

from rbd_mon_fix.engine import opening
from tests.unit import worlds
from tests.unit.engine import example


def test_example(tmp_path, nova, cinder, monkeypatch, capsys):
    world = worlds.World(tmp_path, nova, cinder)
    world.add(1)
    world.add(2)
    config = tmp_path / 'rbd-mon-fix.conf'
    config.write_text(
        '[DEFAULT]\n'
        f'nova_config_file = {tmp_path}/nova.conf\n'
        f'cinder_config_file = {tmp_path}/cinder.conf\n'
        f'journal_dir = {tmp_path}/journal\n'
        'libvirt_uri = libvirt://{host}/\n'
        f'former_monitors = {world.conf().former_monitors[0]}\n'
        'offline = true\n')
    monkeypatch.setattr(
        opening, 'open_context',
        lambda files: opening.contexts.Context(
            opening.options.load(files, {}), world.connect))
    run = example.put_right(str(config), 'cmp1')
    assert capsys.readouterr().err == '2 servers, 2 would break\n'
    assert [path.stem for path in (tmp_path / 'journal/runs').iterdir()] == [
        run]
    assert example.put_right(str(config), 'cmp1') is None
    assert capsys.readouterr().err == '2 servers, 0 would break\n'
