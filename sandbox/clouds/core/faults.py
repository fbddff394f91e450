"""Faults of the SIMULATED clouds, turned on by a file: faults.json in the sandbox's home.

    [{"operation": "create", "effect": "lose", "type": "aws:ec2/*", "call": 3}]

lets the third creation of anything of EC2 happen and its answer get lost. Calls are counted over all plugin processes, from when
the file was put there.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sandbox.clouds.core.model import CloudError, Pace
from sandbox.provider_sdk.server import InitFailed

Operation = Literal["create", "read", "update", "delete", "invoke"]
Made = TypeVar("Made")

_LONGEST_RETRY_SECONDS = 30.0
"""How long a provider goes on asking a cloud that throttles it. The real ones take minutes: AWS's has 25 tries."""


class Fault(BaseModel):
    """Which calls go wrong, and how."""

    model_config = ConfigDict(extra="forbid")

    operation: Operation | Literal["*"] = Field(description="what the engine asks for")
    effect: Literal["refuse", "time-out", "lose", "throttle", "slow", "settle"] = Field(
        description="refuse: nothing is done; time-out: it is done, and the provider gives up waiting for it, but tells the "
        "engine that it is there; lose: it is done, and nobody hears of it; throttle: nothing is done for some seconds, "
        "and the provider asks again until it is; slow: it takes some seconds more; settle: what was created can be used by "
        "others only some seconds later"
    )
    cloud: str = Field(default="*", description="aws, gcp or azure-native, or a pattern")
    type: str = Field(default="*", description="the type's token or a pattern: aws:ec2/*")
    call: int = Field(default=1, ge=1, description="the first of the matching calls that goes wrong")
    times: int = Field(default=1, ge=1, description="how many of them go wrong, one after the other")
    each: bool = Field(default=False, description="count each resource by itself, not all of them together")
    seconds: float = Field(default=0.0, ge=0, description="how long the cloud throttles, or takes")

    def matches(self, cloud: str, operation: str, token: str) -> bool:
        """Whether a call is one of those."""
        return self.operation in ("*", operation) and fnmatchcase(cloud, self.cloud) and fnmatchcase(token, self.type)


class Faults:
    """The faults of one sandbox. Without the file there are none, and that costs one look."""

    def __init__(self, file: Path) -> None:
        self._file, self._seen = file, file.with_suffix(".seen")

    def around(
        self, cloud: str, operation: Operation, token: str, name: str, act: Callable[[Pace], Made],
        partly: Callable[[Made], InitFailed] | None = None,
    ) -> Made:  # fmt: skip
        """Do what the engine asks for, unless a fault is due. `partly` tells of what the provider gave up waiting for."""
        fault = self._due(cloud, operation, token, name) if self._file.exists() else None
        if fault is None:
            return act(Pace())
        if fault.effect == "slow":
            return act(Pace(takes=fault.seconds))
        if fault.effect == "settle":
            return act(Pace(settles=fault.seconds))
        if fault.effect == "refuse":
            raise CloudError(f"InternalError: {operation} of {token} failed (a fault of faults.json; nothing was done)")
        if fault.effect == "throttle":
            if fault.seconds > _LONGEST_RETRY_SECONDS:
                raise CloudError(f"ThrottlingException: Rate exceeded; {operation} of {token} (a fault of faults.json)")
            time.sleep(fault.seconds)
            return act(Pace())
        made = act(Pace())
        if fault.effect == "time-out" and partly is not None:
            raise partly(made)
        raise CloudError(f"connection reset by peer: {operation} of {token} (a fault of faults.json; it was done)")

    def _due(self, cloud: str, operation: str, token: str, name: str) -> Fault | None:
        """Count a call, and find the fault that it meets."""
        faults, due = self._read(), None
        with self._seen.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            seen: dict[str, int] = json.loads(file.read() or "{}")
            for number, fault in enumerate(faults):
                if fault.matches(cloud, operation, token):
                    key = f"{number} {operation} {token} {name}" if fault.each else str(number)
                    seen[key] = seen.get(key, 0) + 1
                    if fault.call <= seen[key] < fault.call + fault.times:
                        due = due or fault
            file.truncate(0)
            file.write(json.dumps(seen))
        return due

    def _read(self) -> list[Fault]:
        try:
            return TypeAdapter(list[Fault]).validate_json(self._file.read_text())
        except ValidationError as error:
            where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise CloudError(
                f"{self._file}: {where}. See sandbox/clouds/core/faults.py for what a fault may be"
            ) from error
