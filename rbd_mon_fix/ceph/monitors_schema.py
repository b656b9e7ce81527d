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

"""The form of a monitors file, which ``monitors_file.schema.json`` defines."""

from __future__ import annotations

import json
import pathlib

from rbd_mon_fix.model import json_form

_SCHEMA = pathlib.Path(__file__).with_name('monitors_file.schema.json')


def check(document: object) -> None:
    """Check a parsed file.

    :raises Misfit: with the first error
    """
    json_form.check(document, json.loads(_SCHEMA.read_text(encoding='utf-8')))
