"""Tiny files of each format, and where the shared instances are."""

import json
import os
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get("FIELDGRAPH_INSTANCES")
    or Path(__file__).parents[3] / ".." / "shared" / "data" / "optimizer"
)

SOLOMON = """tiny

VEHICLE
NUMBER     CAPACITY
  2         20

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0         0          0          0        100          0
    1      3         4         10         12         20          2
    2      1         1          7          0         90.5        3
    3      9        12          0         30         60          1
"""

PCVRPTW = """NAME : tiny
TYPE : PCVRPTW
DIMENSION : 3
VEHICLES : 2
CAPACITY : 20
SERVICE_TIME : 9
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 4
3 1 1
DEMAND_SECTION
1 0
2 10
3 7
TIME_WINDOW_SECTION
1 0 100
2 20 27
3 0 90
PRIZE_SECTION
1 0
2 11
3 2.5
DEPOT_SECTION
1
-1
EOF
"""

MDVRPTW = """NAME: tiny
COMMENT: two depots
TYPE: MDVRPTW
EDGE_WEIGHT_TYPE: EUC_2D
DIMENSION: 4
VEHICLES: 2
CAPACITY: 20
VEHICLES_MAX_DURATION: 45
NODE_COORD_SECTION
1\t0\t0
2\t10\t0
3\t3\t4
4\t9\t-1
DEMAND_SECTION
1\t0
2\t0
3\t10
4\t7
SERVICE_TIME_SECTION
1\t0
2\t0
3\t2
4\t3
TIME_WINDOW_SECTION
1\t0\t100
2\t5\t90
3\t12\t20
4\t0\t90
VEHICLES_DEPOT_SECTION
1\t1
2\t2
DEPOT_SECTION
1
2
EOF
"""

TRSP = """tiny.3_2-2-2-2

INFO
CREW COUNT  SKILLS  TOOLS   SPARE PARTS
2      2       3       2

DEPOT TECHNICIANS AND REQUESTS
ID   X     Y     TWS    TWE    Serv   SKILLS   TOOLS    SPARE PARTS
0    0     0     0      500    0      [] \t[] \t[]
1    0     10    0      500    0      [0,1] \t[1,2] \t[3,0]
2    10    0     5      400    0      [1] \t[] \t[0,2]
3    0     13    20     30     10     [0] \t[1] \t[2,0]
4    1     11    0      300    10     [1] \t[] \t[0,0]
5    12    0     100    200    10     [1] \t[0] \t[1,1]
"""

RELEASES = """# Instance tiny.3_2-2-2-2 - 2 dynamic requests - 1 static requests
Dyn   Stat
2     1
ID    RD
3    -1
4     15
5     96.5
"""

TASKS = """Capacity: 200
Customer: 3

CUST NO. \tXCOORD.\tYCOORD. \tDEMAND \tREADY TIME \tDUE DATE \tSERVICE TIME\tcost\td11\td12\td21\td22
1\t0\t0\t0\t0\t230\t0\t0\t0\t0\t0\t0
2\t3\t4\t10\t0\t204\t10\t300\t2\t1\t0\t0
3\t1\t1\t7\t0\t202\t10\t300\t1\t1\t1\t1
"""

TECHNICIANS = """Technicians
Number of Technicians: 3
domains: 2
proficiency level: 2


ID\tdomain1\tdomain2
1\t2\t0
2\t1\t2
3\t2\t1



"""

GENERATED = json.dumps(
    {
        "nt": 1,
        "nv": 1,
        "D": [[0, 60], [70, 0]],
        "ss": [0],
        "se": [9000],
        "tsk": [[True, False]],
        "stock": [[2, 0]],
        "vsk": [[True, False]],
        "parts": [[0, 1]],
        "serv": [600],
        "e": [100],
        "l": [200],
        "sla": [10_000_000],
        "prio": [2],
        "pen": [5000],
        "wl": [3],
    }
)


def shared(*parts: str) -> Path:
    """A shared instance; the test is skipped where it is not beside the checkout."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared instance {path.name} is not beside the checkout")
    return path
