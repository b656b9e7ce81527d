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

"""The application, callable from Python.

Open a context, build a request and get a result; a listener is told about
each server meanwhile. The commands of the CLI do nothing else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rbd_mon_fix.engine.census import CensusRequest
    from rbd_mon_fix.engine.census import ClusterCensus
    from rbd_mon_fix.engine.census import take_census
    from rbd_mon_fix.engine.context import Context
    from rbd_mon_fix.engine.dry_run import PlanResult
    from rbd_mon_fix.engine.health_check import CheckResult
    from rbd_mon_fix.engine.health_check import check
    from rbd_mon_fix.engine.health_check import replace_textfile
    from rbd_mon_fix.engine.hook_parts import HookPart
    from rbd_mon_fix.engine.hook_parts import hook_status
    from rbd_mon_fix.engine.hook_update import install_hook
    from rbd_mon_fix.engine.hook_update import remove_hook
    from rbd_mon_fix.engine.lifeline import LifelineResult
    from rbd_mon_fix.engine.lifeline import lifelines_from_ceph
    from rbd_mon_fix.engine.lifeline import lifelines_on_host
    from rbd_mon_fix.engine.monitors import MonitorsResult
    from rbd_mon_fix.engine.monitors import find_monitors
    from rbd_mon_fix.engine.opening import open_context
    from rbd_mon_fix.engine.refresh_run import RefreshRequest
    from rbd_mon_fix.engine.refresh_run import plan_refresh
    from rbd_mon_fix.engine.refresh_run import refresh
    from rbd_mon_fix.engine.reporting import Listener
    from rbd_mon_fix.engine.reporting import Phase
    from rbd_mon_fix.engine.reporting import Silence
    from rbd_mon_fix.engine.rescue_plan import RescuePlan
    from rbd_mon_fix.engine.rescue_plan import RescueRequest
    from rbd_mon_fix.engine.rescue_plan import plan_rescue
    from rbd_mon_fix.engine.rescue_run import RescueResult
    from rbd_mon_fix.engine.rescue_run import rescue
    from rbd_mon_fix.engine.rollback_run import RollbackRequest
    from rbd_mon_fix.engine.rollback_run import plan_rollback
    from rbd_mon_fix.engine.rollback_run import rollback
    from rbd_mon_fix.engine.run_result import RunResult
    from rbd_mon_fix.engine.running_guests import GuestReport
    from rbd_mon_fix.engine.running_guests import GuestsResult
    from rbd_mon_fix.engine.running_guests import guests
    from rbd_mon_fix.engine.saved_plans import plan_scope
    from rbd_mon_fix.engine.saved_plans import read_plan
    from rbd_mon_fix.engine.selection import ScanRequest
    from rbd_mon_fix.engine.session import journal
    from rbd_mon_fix.engine.shield import ShieldRequest
    from rbd_mon_fix.engine.shield import ShieldResult
    from rbd_mon_fix.engine.shield import install_shield
    from rbd_mon_fix.engine.shield import refresh_shield
    from rbd_mon_fix.engine.shield import remove_shield
    from rbd_mon_fix.engine.shield import shield_status
    from rbd_mon_fix.engine.shield_states import ShieldedUser
    from rbd_mon_fix.engine.shield_states import ShieldState
    from rbd_mon_fix.engine.status_scan import ScanResult
    from rbd_mon_fix.engine.status_scan import status
    from rbd_mon_fix.engine.verification import Limits
    from rbd_mon_fix.engine.verification import Opened
    from rbd_mon_fix.engine.verification import VerifyRequest
    from rbd_mon_fix.engine.verification import VerifyResult
    from rbd_mon_fix.engine.verification import verify

__all__ = (
    'CensusRequest', 'CheckResult', 'ClusterCensus', 'Context',
    'GuestReport', 'GuestsResult', 'HookPart', 'LifelineResult', 'Limits',
    'Listener', 'MonitorsResult', 'Opened', 'Phase', 'PlanResult',
    'RefreshRequest', 'RescuePlan', 'RescueRequest', 'RescueResult',
    'RollbackRequest', 'RunResult',
    'ScanRequest', 'ScanResult', 'ShieldRequest', 'ShieldResult',
    'ShieldState', 'ShieldedUser', 'Silence', 'VerifyRequest',
    'VerifyResult', 'check', 'find_monitors', 'guests', 'hook_status',
    'install_hook', 'install_shield', 'journal', 'lifelines_from_ceph',
    'lifelines_on_host', 'open_context',
    'plan_refresh', 'plan_rescue', 'plan_rollback', 'plan_scope', 'read_plan',
    'refresh', 'refresh_shield', 'remove_hook', 'remove_shield',
    'replace_textfile', 'rescue', 'rollback', 'shield_status', 'status',
    'take_census', 'verify')

# The names that each module exports. A command imports only the modules
# that it uses, which keeps its start time short.
_MODULES = {
    'census': ('CensusRequest', 'ClusterCensus', 'take_census'),
    'context': ('Context',),
    'dry_run': ('PlanResult',),
    'health_check': ('check', 'CheckResult', 'replace_textfile'),
    'hook_parts': ('hook_status', 'HookPart'),
    'hook_update': ('install_hook', 'remove_hook'),
    'lifeline': ('LifelineResult', 'lifelines_from_ceph',
                 'lifelines_on_host'),
    'monitors': ('find_monitors', 'MonitorsResult'),
    'opening': ('open_context',),
    'refresh_run': ('plan_refresh', 'refresh', 'RefreshRequest'),
    'reporting': ('Listener', 'Phase', 'Silence'),
    'rescue_plan': ('plan_rescue', 'RescuePlan', 'RescueRequest'),
    'rescue_run': ('rescue', 'RescueResult'),
    'rollback_run': ('plan_rollback', 'rollback', 'RollbackRequest'),
    'run_result': ('RunResult',),
    'saved_plans': ('plan_scope', 'read_plan'),
    'running_guests': ('GuestReport', 'guests', 'GuestsResult'),
    'selection': ('ScanRequest',),
    'session': ('journal',),
    'shield': ('install_shield', 'refresh_shield', 'remove_shield',
               'shield_status', 'ShieldRequest', 'ShieldResult'),
    'shield_states': ('ShieldedUser', 'ShieldState'),
    'status_scan': ('ScanResult', 'status'),
    'verification': ('Limits', 'Opened', 'verify', 'VerifyRequest',
                     'VerifyResult'),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(
                importlib.import_module(f'{__name__}.{module}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
