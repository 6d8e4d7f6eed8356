"""The demo's cast: who may ask about each of its companies, and whom the demo drives. Loads in no time."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from domain.viewers import Role, Viewer


class Seeded(NamedTuple):
    """One organization of the demo, and who may ask about it.

    `visitors` are the technicians behind the TECHNICIAN and SUBCONTRACTOR viewers, left to the visitor; the
    `simulated` ones are the demo's to drive. `tracked` are the visits a tracking link may open, best first.
    """

    id: UUID
    name: str
    day: date
    time_zone: str
    viewers: Mapping[Role, Viewer]
    visitors: tuple[UUID, ...]
    simulated: tuple[UUID, ...]
    tracked: tuple[UUID, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "name": self.name,
            "day": self.day.isoformat(),
            "time_zone": self.time_zone,
            "viewers": {
                role.value: {
                    "subject": viewer.subject,
                    "scopes": sorted(viewer.scopes),
                    **{name: _text(getattr(viewer, name)) for name in BOUND_TO},
                }
                for role, viewer in self.viewers.items()
            },
            **{name: [str(key) for key in getattr(self, name)] for name in KEYS},
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Seeded":
        organization_id = UUID(row["id"])
        viewers = {
            Role(role): Viewer(
                organization_id=organization_id,
                role=Role(role),
                subject=told["subject"],
                scopes=frozenset(told["scopes"]),
                **_bound(told),
            )
            for role, told in row["viewers"].items()
        }
        keys = {name: tuple(UUID(key) for key in row[name]) for name in KEYS}
        day = date.fromisoformat(row["day"])
        return cls(organization_id, row["name"], day, row["time_zone"], viewers, **keys)


KEYS = ("visitors", "simulated", "tracked")
BOUND_TO = ("customer_id", "technician_id", "user_id")


def technician_viewer(organization_id: UUID, technician_id: UUID, *, role: Role = Role.TECHNICIAN) -> Viewer:
    """A technician as they ask by their own device."""
    return Viewer(
        organization_id=organization_id,
        role=role,
        subject=f"technician:{technician_id}",
        technician_id=technician_id,
    )


def _bound(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: UUID(told[name]) for name in BOUND_TO if told[name]}


def _text(key: UUID | None) -> str | None:
    return None if key is None else str(key)
