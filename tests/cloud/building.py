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

"""Put a throwaway cloud together."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Sequence

from tests.cloud import config
from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import domains
from tests.cloud import rows
from tests.cloud import shape


@dataclasses.dataclass(frozen=True)
class Cloud:
    """A throwaway cloud that was built.

    :param folder: holds its configs and libvirt's root
    """

    folder: pathlib.Path
    databases: databases_module.Databases
    servers: tuple[shape.Server, ...]

    @property
    def config_file(self) -> pathlib.Path:
        """Return the config of rbd-mon-fix, which names all other configs."""
        return self.folder / 'rbd-mon-fix.conf'

    @property
    def libvirt_uri(self) -> str:
        return config.libvirt_uri(self.folder)

    @property
    def libvirt_root(self) -> pathlib.Path:
        return self.folder / 'libvirt'

    def server(self, name: str) -> shape.Server:
        """Return a server by its name."""
        return next(server for server in self.servers if server.name == name)


def build(folder: pathlib.Path, databases: databases_module.Databases,
          servers: Sequence[shape.Server]) -> Cloud:
    """Build a cloud on databases that have their schema but no rows yet."""
    cloud = Cloud(folder.resolve(), databases, tuple(servers))
    config.write(cloud.folder, databases)
    rows.write(databases, servers)
    domains.define(cloud.libvirt_root,
                   [documents.domain_xml(server) for server in servers
                    if server.defined])
    return cloud
