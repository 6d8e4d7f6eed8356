"""The demo's catalogue: what its companies can do, with which parts, and what their contracts promise."""

from typing import NamedTuple

from domain.customers import Tier
from domain.work_orders import Priority

HEATING, COOLING, VENTILATION = "Heating", "Refrigerants", "Ventilation"
ELECTRICAL, PLUMBING, LOCKS = "Electrical", "Plumbing", "Locks and access"
SKILLS = (HEATING, COOLING, VENTILATION, ELECTRICAL, PLUMBING, LOCKS)


class Kind(NamedTuple):
    """A type of work: skills with their least levels, parts by their place in PARTS with pieces."""

    code: str
    name: str
    minutes: int
    priority: Priority
    skills: tuple[tuple[str, int], ...]
    parts: tuple[tuple[int, int], ...] = ()


KINDS = (
    Kind("HEAT-SERVICE", "Heating service", 60, Priority.NORMAL, ((HEATING, 2),), ((0, 1), (1, 2))),
    Kind("HEAT-REPAIR", "Heating repair", 75, Priority.HIGH, ((HEATING, 3),), ((2, 1),)),
    Kind("COOL-SERVICE", "Cooling service", 45, Priority.NORMAL, ((COOLING, 2),), ((3, 1),)),
    Kind("COOL-REPAIR", "Cooling repair", 90, Priority.HIGH, ((COOLING, 3), (ELECTRICAL, 1)), ((4, 1),)),
    Kind("VENT-FILTER", "Ventilation filters", 30, Priority.LOW, ((VENTILATION, 1),), ((5, 2),)),
    Kind("ELEC-CHECK", "Electrical inspection", 45, Priority.NORMAL, ((ELECTRICAL, 2),)),
    Kind("ELEC-FAULT", "Electrical fault", 60, Priority.HIGH, ((ELECTRICAL, 3),), ((6, 1), (7, 2))),
    Kind("LOCK-REPAIR", "Door lock repair", 40, Priority.NORMAL, ((LOCKS, 1),), ((8, 1),)),
    Kind("LEAK", "Water leak", 50, Priority.HIGH, ((PLUMBING, 2),), ((9, 2), (10, 1))),
    Kind("PUMP", "Pump replacement", 90, Priority.NORMAL, ((PLUMBING, 3), (ELECTRICAL, 1)), ((11, 1),)),
)

PROFILES: tuple[tuple[tuple[str, int], ...], ...] = (
    ((ELECTRICAL, 4), (LOCKS, 3), (VENTILATION, 2), (PLUMBING, 2)),
    ((HEATING, 4), (PLUMBING, 3), (ELECTRICAL, 1)),
    ((COOLING, 4), (ELECTRICAL, 3), (VENTILATION, 3)),
    ((PLUMBING, 5), (HEATING, 3), (LOCKS, 1), (ELECTRICAL, 2)),
    ((ELECTRICAL, 5), (HEATING, 2), (VENTILATION, 1)),
    ((COOLING, 3), (HEATING, 3), (VENTILATION, 4), (ELECTRICAL, 1)),
)
"""What technicians can, in turn; the first one can serve electrical checks, locks and filters."""

PARTS = (
    ("Burner nozzle", "18.50"), ("Boiler gasket", "6.20"), ("Circulation thermostat", "74.00"),
    ("Refrigerant R32, 1 kg", "58.00"), ("Compressor relay", "42.30"), ("Air filter F7", "14.90"),
    ("Circuit breaker 16 A", "11.40"), ("Terminal block", "2.10"), ("Lock cylinder", "39.00"),
    ("Pipe coupling 22 mm", "4.80"), ("Stop valve 22 mm", "17.60"), ("Circulation pump", "248.00"),
    ("Ignition electrode", "21.70"), ("Flame sensor", "33.10"), ("Expansion vessel 18 l", "67.00"),
    ("Safety valve 3 bar", "19.90"), ("Mixing valve", "83.50"), ("Radiator valve", "22.00"),
    ("Radiator thermostat", "27.40"), ("Pressure gauge", "12.30"), ("Evaporator fan", "96.00"),
    ("Condenser fan", "112.00"), ("Filter dryer", "24.60"), ("Expansion valve", "71.20"),
    ("Refrigerant R290, 0.4 kg", "36.00"), ("Fan belt", "9.80"), ("Duct damper", "31.50"),
    ("Air filter M5", "10.70"), ("Fan motor", "158.00"), ("Residual current device", "46.90"),
    ("Contactor 25 A", "29.30"), ("Emergency light", "54.00"), ("Light sensor", "18.20"),
    ("Cable 3G2.5, 10 m", "23.80"), ("Door closer", "88.00"), ("Electric strike", "102.00"),
    ("Key card reader", "137.00"), ("Siphon", "8.60"), ("Basin tap", "79.00"), ("Float valve", "26.50"),
)  # fmt: skip


class Cover(NamedTuple):
    """What a tier's contract promises, in minutes, and its price per year in EUR."""

    name: str
    respond_minutes: int
    arrive_minutes: int
    resolve_minutes: int
    price: str
    chance: float


COVERS = {
    Tier.KEY: Cover("Premium cover", 90, 240, 480, "24000", 1.0),
    Tier.PREFERRED: Cover("Business cover", 240, 480, 1_440, "9600", 1.0),
    Tier.STANDARD: Cover("Basic cover", 3_000, 4_320, 7_200, "2400", 0.7),
}
