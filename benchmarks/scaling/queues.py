"""Queues in simulated time: stations with equal servers, and the processes that wait for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from heapq import heappop, heappush


class Simulation:
    """Processes that wait and work in simulated time, one event after the other.

    Attributes:
        now: The seconds since the beginning.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Process]] = []
        self._number = 0

    def start(self, process: Process, *, after: float = 0.0) -> None:
        """Let a process begin, or go on, in `after` seconds."""
        self._number += 1  # of two events at the same moment, the first one planned comes first
        heappush(self._events, (self.now + after, self._number, process))

    def run(self, until: float) -> None:
        """Go on until a moment."""
        while self._events and self._events[0][0] <= until:
            self.now, _, process = heappop(self._events)
            for step in process:
                if not isinstance(step, Station):
                    self.start(process, after=step)
                    break
                if not step.take(process):
                    break
        self.now = until


class Station:
    """Equal servers with one queue: cores, the connections of a pool, or a lock.

    Args:
        simulation: The simulation whose time it is in.
        servers: The number of servers.

    Attributes:
        waited: The seconds for which the processes that got a server waited, together.
        served: The number of these processes.
    """

    def __init__(self, simulation: Simulation, servers: int) -> None:
        self.waited = 0.0
        self.served = 0
        self._simulation = simulation
        self._servers = servers
        self._queue: deque[tuple[float, Process]] = deque()
        self._busy = 0
        self._worked = 0.0
        self._since = 0.0

    @property
    def utilisation(self) -> float:
        """The part of the time until now for which the servers were busy, on average."""
        self._count(0)
        return self._worked / (self._servers * self._simulation.now)

    def take(self, process: Process) -> bool:
        """Take a server; with none free, queue the process, which goes on when it has got one."""
        if self._busy == self._servers:
            self._queue.append((self._simulation.now, process))
            return False
        self._count(1)
        self.served += 1
        return True

    def release(self) -> None:
        """Give a server to the first in the queue, or back."""
        if not self._queue:
            self._count(-1)
            return
        since, process = self._queue.popleft()
        self.waited += self._simulation.now - since
        self.served += 1
        self._simulation.start(process)

    def _count(self, more: int) -> None:
        now = self._simulation.now
        self._worked += self._busy * (now - self._since)
        self._since = now
        self._busy += more


Process = Generator[Station | float, None, None]
"""Yields the seconds for which it works, or a station from which it needs a server, which it releases later."""
