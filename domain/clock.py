"""The Clock: business time, which a demo may run faster than real time."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """Business time as a straight line over real time.

    `real_origin` and `business_origin` are seconds since 1970 (UTC); `speed` is business seconds per
    real second. Every process of one installation shares the same three numbers, hence the same time.
    """

    real_origin: float = 0.0
    business_origin: float = 0.0
    speed: float = 1.0

    def now(self) -> datetime:
        """This instant of business time, aware, in UTC."""
        real = time.time()
        return datetime.fromtimestamp(self.business_origin + (real - self.real_origin) * self.speed, UTC)

    def real_seconds(self, business_seconds: float) -> float:
        """How long to wait for so much business time to pass."""
        return business_seconds / self.speed
