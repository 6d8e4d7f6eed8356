"""Visits: the cases of every step of a visit, from the pool to its end."""

from datetime import datetime, timedelta

from domain import ids
from domain.viewers import Role
from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

NO_REASON = {
    "no reason": Wrong({"reason": " "}, "INVALID", ("reason",)),
    "too many words": Wrong({"reason": "x" * 501}, "INVALID", ("reason",)),
}
REASONS = {"recallVisit", "pauseWork", "unscheduleVisit", "markNoAccess"}
WORDY = {"too many words": Wrong({"reason": "x" * 501}, "INVALID", ("reason",))}
AT_NIGHT = "2026-11-23T01:00:00Z"
ON_SHIFT = datetime.fromisoformat("2026-11-23T09:00:00Z")
SOMEBODY = """
SELECT t.id FROM technician t WHERE t.organization_id = $1 AND t.kind = 'EMPLOYEE'
  AND NOT EXISTS (SELECT 1 FROM assignment a WHERE a.technician_id = t.id AND a.occupies)
  AND NOT EXISTS (SELECT 1 FROM absence b WHERE b.technician_id = t.id)
  AND EXISTS (SELECT 1 FROM shift s WHERE s.technician_id = t.id AND s.starts_at < $3 AND s.ends_at > $3)
ORDER BY t.code DESC OFFSET $2 LIMIT 1
"""


def mine(stage: Stage) -> str:
    """A DISPATCHED visit of the technician who is a viewer."""
    return f"vis1_{stage.company.first.tracked[0]}"


def its_technician(stage: Stage) -> str:
    return f"tec1_{stage.company.viewer(Role.TECHNICIAN).technician_id}"


async def after(stage: Stage, *steps: str) -> str:
    """That visit after some steps, of whom nothing is asked but what each case is about."""
    visit = mine(stage)
    await stage.execute("DELETE FROM work_task")
    await stage.execute("DELETE FROM work_type_skill")
    for step in steps:
        given: Given = {"reason": "The part has not come"} if step in REASONS else {}
        await stage.make(step, "visit", visit=visit, **given)
    return visit


async def somebody(stage: Stage, number: int = 0) -> str:
    """Someone on shift with nothing to do."""
    return f"tec1_{await stage.value(SOMEBODY, stage.company.first.id, number, ON_SHIFT)}"


async def planned(stage: Stage, *, minutes: int = 0) -> str:
    """So long after that visit is planned to start."""
    sql = "SELECT planned_start FROM assignment WHERE visit_id = $1 ORDER BY id LIMIT 1"
    found: datetime = await stage.value(sql, stage.company.first.tracked[0])
    return (found + timedelta(minutes=minutes)).isoformat()


async def schedule(stage: Stage) -> Given:
    visit = await after(stage, "recallVisit", "unscheduleVisit")
    return {
        "visit": visit,
        "technician": await somebody(stage),
        "start": await planned(stage),
        "reason": "So",
    }


async def reschedule(stage: Stage) -> Given:
    return {
        "visit": await after(stage, "recallVisit"),
        "technician": await somebody(stage),
        "start": await planned(stage, minutes=15),
        "arrivalWindow": {"start": await planned(stage), "end": await planned(stage, minutes=60)},
    }


async def update(stage: Stage) -> Given:
    return {
        "visit": await after(stage, "recallVisit"),
        "arrivalWindow": {
            "start": await planned(stage, minutes=-10),
            "end": await planned(stage, minutes=20),
        },
        "duration": "PT25M",
        "crewSize": 2,
    }


async def unschedule(stage: Stage) -> Given:
    return {"visit": await after(stage, "recallVisit"), "reason": "No hurry"}


async def dispatch(stage: Stage) -> Given:
    return {"visit": await after(stage, "recallVisit")}


async def pin(stage: Stage) -> Given:
    return {"visit": await after(stage, "recallVisit"), "pin": "TIME", "reason": "They asked"}


async def unpin(stage: Stage) -> Given:
    visit = await after(stage, "recallVisit")
    await stage.make("pinVisit", "visit", visit=visit, pin="BOTH")
    return {"visit": visit}


async def because(stage: Stage) -> Given:
    return {"visit": await after(stage), "reason": "The part has not come"}


async def travel(stage: Stage) -> Given:
    return {"visit": await after(stage), "technician": its_technician(stage)}


async def stop_travel(stage: Stage) -> Given:
    return {"visit": await after(stage, "startTravel"), "reason": "Snow"}


async def arrive(stage: Stage) -> Given:
    visit = await after(stage, "startTravel")
    return {"visit": visit, "technician": its_technician(stage), "occurredAt": "2026-11-23T06:00:30Z"}


async def withdraw(stage: Stage) -> Given:
    return {"visit": await after(stage, "startTravel", "recordArrival"), "reason": "The wrong door"}


async def start(stage: Stage) -> Given:
    visit = await after(stage, "startTravel", "recordArrival")
    return {"visit": visit, "technician": its_technician(stage)}


AT_WORK = ("startTravel", "recordArrival", "startWork")


async def pause(stage: Stage) -> Given:
    return {"visit": await after(stage, *AT_WORK), "reason": "Lunch"}


async def resume(stage: Stage) -> Given:
    return {"visit": await after(stage, *AT_WORK, "pauseWork")}


async def asks_for_evidence(stage: Stage, required: str) -> None:
    """Of that visit's type of work."""
    kind = await stage.value(
        "SELECT o.work_type_id FROM work_order o JOIN visit v ON v.work_order_id = o.id WHERE v.id = $1",
        stage.company.first.tracked[0],
    )
    given: Given = {"workType": f"wty1_{kind}", required: True}
    await stage.make("updateWorkType", "workType", **given)


async def picture(stage: Stage, *, role: Role = Role.TECHNICIAN) -> str:
    """An image that its technician has handed in."""
    named = {"name": "door.png", "contentType": "image/png", "bytes": 9}
    upload = await stage.make("createUpload", "upload", role=role, **named)
    await stage.execute(
        "UPDATE upload SET state = 'STORED', stored_at = updated_at, sha256 = repeat('d', 64) WHERE id = $1",
        ids.decode("upl", upload),
    )
    return upload


async def attach(stage: Stage) -> Given:
    visit = await after(stage, "startTravel", "recordArrival")
    upload = await picture(stage)
    return {"visit": visit, "kind": "SIGNATURE", "upload": upload, "signedBy": "Aino"}


async def complete(stage: Stage) -> Given:
    sql = "SELECT part_id FROM reservation WHERE visit_id = $1 AND state = 'HELD' ORDER BY id LIMIT 1"
    part = await stage.value(sql, stage.company.first.tracked[0])
    used = [{"part": f"prt1_{part}", "quantity": 1}] if part else []
    await asks_for_evidence(stage, "signatureRequired")
    signature = {"upload": await picture(stage), "signedBy": "Aino"}
    return {"visit": await after(stage, *AT_WORK), "partsUsed": used, "signature": signature}


async def leave(stage: Stage) -> Given:
    return {"visit": await after(stage, *AT_WORK), "reason": "PARTS"}


async def no_access(stage: Stage) -> Given:
    visit = await after(stage, "startTravel", "recordArrival")
    await asks_for_evidence(stage, "noAccessPhotoRequired")
    return {"visit": visit, "reason": "The door is shut", "photo": {"upload": await picture(stage)}}


async def follow_up(stage: Stage) -> Given:
    return {"visit": await after(stage, "startTravel", "recordArrival", "markNoAccess")}


async def absence(stage: Stage) -> Given:
    return {
        "technician": its_technician(stage),
        "startsAt": "2026-11-23T06:00:00Z",
        "endsAt": "2026-11-23T16:00:00Z",
        "reason": "SICK",
    }


CASES = [
    Case(
        mutation="scheduleVisit",
        right=schedule,
        wrong={
            **WORDY,
            "nobody": Wrong({"technician": None}, "INVALID", ("technician",)),
            "before the window": Wrong({"start": AT_NIGHT}, "OUTSIDE_WINDOW", ("start",)),
        },
    ),
    Case(
        mutation="rescheduleVisit",
        right=reschedule,
        wrong={
            **WORDY,
            "off shift": Wrong({"start": AT_NIGHT, "arrivalWindow": None}, "OUTSIDE_WINDOW", ("start",)),
            "a window without an end": Wrong(
                {"arrivalWindow": {"start": AT_NIGHT, "end": AT_NIGHT}}, "INVALID", ("arrivalWindow",)
            ),
        },
    ),
    Case(
        mutation="updateVisit",
        right=update,
        wrong={
            **WORDY,
            "no time at all": Wrong({"duration": "PT30S"}, "INVALID", ("duration",)),
            "null": Wrong({"crewSize": None}, "INVALID", ("crewSize",)),
            "nobody": Wrong({"crewSize": 0}, "INVALID", ("crewSize",)),
            "another night": Wrong(
                {"arrivalWindow": {"start": AT_NIGHT, "end": "2026-11-23T02:00:00Z"}},
                "OUTSIDE_WINDOW",
                ("arrivalWindow",),
            ),
        },
    ),
    Case(mutation="unscheduleVisit", right=unschedule, wrong=NO_REASON),
    Case(mutation="dispatchVisit", right=dispatch),
    Case(mutation="recallVisit", right=because, wrong=NO_REASON),
    Case(mutation="pinVisit", right=pin, wrong=WORDY),
    Case(mutation="unpinVisit", right=unpin),
    Case(mutation="cancelVisit", right=because, wrong=NO_REASON),
    Case(mutation="startTravel", right=travel),
    Case(
        mutation="stopTravel",
        right=stop_travel,
        role=Role.TECHNICIAN,
        wrong={"no reason": Wrong({"reason": ""}, "INVALID", ("reason",))},
    ),
    Case(
        mutation="recordArrival",
        right=arrive,
        wrong={
            "of the future": Wrong({"occurredAt": "2026-11-23T20:00:00Z"}, "INVALID", ("occurredAt",)),
        },
    ),
    Case(mutation="withdrawArrival", right=withdraw, wrong=NO_REASON),
    Case(mutation="startWork", right=start),
    Case(mutation="pauseWork", right=pause, role=Role.TECHNICIAN, wrong=NO_REASON),
    Case(mutation="resumeWork", right=resume, role=Role.TECHNICIAN),
    Case(
        mutation="completeVisit",
        right=complete,
        role=Role.TECHNICIAN,
        elsewhere={"partsUsed.part": "INVALID"},
        wrong={
            "nobody signed": Wrong({"signature": None}, "MISSING_EVIDENCE", ("signature",)),
        },
    ),
    Case(
        mutation="addAttachment",
        right=attach,
        role=Role.TECHNICIAN,
        wrong={
            "nobody signed": Wrong({"signedBy": None}, "INVALID", ("signedBy",)),
            "a photo is not signed": Wrong({"kind": "PHOTO"}, "INVALID", ("signedBy",)),
            "of the future": Wrong({"takenAt": "2026-11-24T06:00:00Z"}, "INVALID", ("takenAt",)),
        },
    ),
    Case(mutation="markIncomplete", right=leave, role=Role.TECHNICIAN),
    Case(
        mutation="markNoAccess",
        right=no_access,
        role=Role.TECHNICIAN,
        wrong={**NO_REASON, "no photo": Wrong({"photo": None}, "MISSING_EVIDENCE", ("photo",))},
    ),
    Case(mutation="createFollowUp", right=follow_up),
    Case(
        mutation="createAbsence",
        right=absence,
        wrong={"backwards": Wrong({"endsAt": "2026-11-23T05:00:00Z"}, "INVALID", ("endsAt",))},
    ),
]
