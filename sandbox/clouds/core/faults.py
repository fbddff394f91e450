"""Faults of the SIMULATED clouds, turned on by a file: faults.json in the sandbox's home.

    [{"operation": "create", "effect": "lose", "type": "aws:ec2/*", "call": 3}]

With this file the cloud does the third creation of an EC2 resource, and loses its answer. The count of calls covers all
plugin processes, and begins with the file.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sandbox.clouds.core.model import CloudError, Pace
from sandbox.provider_sdk.server import InitFailed

Operation = Literal["create", "read", "update", "delete", "invoke"]
Result = TypeVar("Result")

_LONGEST_RETRY_SECONDS = 30.0
"""Time for which a provider retries on a throttled call. Real providers retry for minutes: AWS's has 25 tries."""


@dataclass(frozen=True)
class Call:
    """One request of the engine."""

    cloud: str
    operation: Operation
    token: str
    name: str
    """The resource's URN, or the data source's token."""


class Fault(BaseModel):
    """The calls that fail, and the way in which they fail."""

    model_config = ConfigDict(extra="forbid")

    operation: Operation | Literal["*"] = Field(description="the engine's request")
    effect: Literal["refuse", "time-out", "lose", "throttle", "slow", "settle"] = Field(
        description="refuse: the cloud does nothing. "
        "time-out: the cloud does the work, and the provider stops waiting, but reports the resource to the engine. "
        "lose: the cloud does the work, and the answer is lost. "
        "throttle: the cloud does nothing for some seconds, and the provider retries. "
        "slow: the work takes some seconds more. "
        "settle: other resources can use the new resource only some seconds later"
    )
    cloud: str = Field(default="*", description="aws, gcp or azure-native, or a pattern")
    type: str = Field(default="*", description="the type's token or a pattern: aws:ec2/*")
    call: int = Field(default=1, ge=1, description="the first of the matching calls that fails")
    times: int = Field(default=1, ge=1, description="the number of calls that fail, one after the other")
    per_resource: bool = Field(
        default=False, description="count the calls of each resource separately, not of all resources together"
    )
    seconds: float = Field(default=0.0, ge=0, description="the seconds of throttle, slow and settle")

    def matches(self, call: Call) -> bool:
        """Whether the fault counts a call."""
        operation = self.operation in ("*", call.operation)
        return operation and fnmatchcase(call.cloud, self.cloud) and fnmatchcase(call.token, self.type)


class Faults:
    """The faults of one sandbox. Without the file there are none."""

    def __init__(self, file: Path) -> None:
        self._file, self._counts_file = file, file.with_suffix(".seen")

    def inject(
        self, call: Call, act: Callable[[Pace], Result], timed_out: Callable[[Result], InitFailed] | None = None
    ) -> Result:
        """Do the work of a call, with its fault, if any. `timed_out` reports a resource that never became ready."""
        fault = self._next_fault(call) if self._file.exists() else None
        if fault is None:
            return act(Pace())
        if fault.effect == "slow":
            return act(Pace(delay_seconds=fault.seconds))
        if fault.effect == "settle":
            return act(Pace(propagation_seconds=fault.seconds))
        if fault.effect == "refuse":
            raise CloudError(
                f"InternalError: {call.operation} of {call.token} failed (a fault of faults.json: nothing was done)"
            )
        if fault.effect == "throttle":
            if fault.seconds > _LONGEST_RETRY_SECONDS:
                raise CloudError(
                    f"ThrottlingException: Rate exceeded for {call.operation} of {call.token} (a fault of faults.json)"
                )
            time.sleep(fault.seconds)
            return act(Pace())
        result = act(Pace())
        if fault.effect == "time-out" and timed_out is not None:
            raise timed_out(result)
        raise CloudError(
            f"connection reset by peer: {call.operation} of {call.token} (a fault of faults.json: it was done)"
        )

    def _next_fault(self, call: Call) -> Fault | None:
        """Count a call for all faults that match it. Returns the first fault that is due."""
        faults = self._read()
        with self._counts_file.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            counts: dict[str, int] = json.loads(file.read() or "{}")
            due = [fault for number, fault in enumerate(faults) if _count(number, fault, call, counts)]
            file.truncate(0)
            file.write(json.dumps(counts))
        return next(iter(due), None)

    def _read(self) -> list[Fault]:
        try:
            return TypeAdapter(list[Fault]).validate_json(self._file.read_text())
        except ValidationError as error:
            where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise CloudError(
                f"{self._file}: {where}. See sandbox/clouds/core/faults.py for the fields of a fault"
            ) from error


def _count(number: int, fault: Fault, call: Call, counts: dict[str, int]) -> bool:
    """Count a call for a fault, if the fault matches it. Whether the fault is due."""
    if not fault.matches(call):
        return False
    key = f"{number} {call.operation} {call.token} {call.name}" if fault.per_resource else str(number)
    counts[key] = counts.get(key, 0) + 1
    return fault.call <= counts[key] < fault.call + fault.times
