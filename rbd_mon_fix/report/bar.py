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

"""The progress bar that rich draws."""

from __future__ import annotations

from typing import Optional, TextIO

import rich.console
import rich.markup
import rich.progress


class Bar:
    """A bar on a terminal, erased when it stops.

    :param total: the number of steps; None if it is not known
    """

    def __init__(self, stream: TextIO, description: str,
                 total: Optional[int]):
        self._progress = rich.progress.Progress(
            rich.progress.TextColumn('{task.description}'),
            rich.progress.BarColumn(bar_width=20),
            rich.progress.TextColumn('{task.fields[position]}'),
            rich.progress.TextColumn('{task.fields[speed]}'),
            console=rich.console.Console(
                file=stream, force_terminal=True),
            transient=True, redirect_stdout=False, redirect_stderr=False)
        self._task = self._progress.add_task(
            rich.markup.escape(description), total=total, position='',
            speed='')
        self._progress.start()

    def show(self, done: int, position: str, speed: str) -> None:
        """Draw the bar.

        :param done: the number of completed steps
        :param position: the steps in words
        :param speed: rate and time left in words
        """
        self._progress.update(self._task, completed=done, position=position,
                              speed=speed)

    def stop(self) -> None:
        """Erase the bar."""
        self._progress.stop()
