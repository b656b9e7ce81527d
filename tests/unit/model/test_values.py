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

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

from rbd_mon_fix import model

MODULES = [importlib.import_module(f'{model.__name__}.{found.name}')
           for found in pkgutil.iter_modules(model.__path__)]
VALUES = [value for module in MODULES
          for _, value in inspect.getmembers(module, dataclasses.is_dataclass)
          if value.__module__ == module.__name__]


def test_there_are_values():
    assert len(VALUES) > 10


@pytest.mark.parametrize('value', VALUES, ids=lambda value: value.__name__)
def test_values_are_frozen(value):
    assert value.__dataclass_params__.frozen
