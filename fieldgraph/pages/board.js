/** The live board: the day's visits and technicians, and what happens to them. */

import { Refused, ask, change, follow, keptToken, onEach } from "/pages/graph.js";
import { drawGantt } from "/pages/gantt.js";
import { STATES, element, hourAndMinute } from "/pages/states.js";
import { L, place, streetMap } from "/pages/streets.js";

const DAY = 24 * 3_600_000; // milliseconds
const POSITIONS_EVERY = 2_000; // milliseconds
const DRAW_EVERY = 500;
const FEED_LENGTH = 60;
const PLAN_SECONDS = 10;
const CHANGES = ["VisitCreated", "VisitScheduled", "VisitRescheduled", "VisitUnscheduled", "VisitProgressed"];
const STEPS = ["PlanSnapshot", "PlanStarted", "PlanImproved", "PlanProposed", "PlanEnded"];
const CARD = `
fragment Card on Visit {
  id version state planned { start end } site { name location }
  workOrder { number title priority }
  assignments(first: 2, where: {isLead: {eq: true}, state: {in: [OFFERED, ACCEPTED]}}) {
    nodes { technician { id name } }
  }
}`;
const WHO = "query Who { viewer { role organization { name timeZone today } } }";
const TECHNICIANS = `query Technicians($since: DateTime!) { technicians(first: 250) { nodes {
  id name code kind position { point at }
  shifts(first: 5, where: {endsAt: {gte: $since}}) { nodes { startsAt endsAt } }
  absences(first: 5, where: {endsAt: {gte: $since}}) { nodes { startsAt endsAt } }
} } }`;
const POSITIONS = `query Positions { technicians(first: 250) { nodes { id position { point at } } } }`;
const VISITS = `query Visits($from: DateTime!, $after: String) {
  visits(first: 200, after: $after,
    where: {or: [{plannedStart: {gte: $from}}, {state: {eq: UNSCHEDULED}}]}) {
    nodes { ...Card }
    pageInfo { hasNextPage endCursor }
  }
}${CARD}`;
const FOLLOW = `subscription Changes($after: Cursor) { scheduleChanges(after: $after) {
  __typename
  ... on ScheduleSnapshot { cursor }
  ${onEach(CHANGES, "cursor occurredAt origin actor reason before { state } technicianBefore { name } visit { ...Card }")}
  ... on VisitRemoved { cursor visitId }
  ... on Lagged { cursor count resumeFrom }
  ... on ResyncRequired { cursor cause }
} }${CARD}`;
const PROPOSE = `mutation Propose($input: ProposePlanInput!) {
  proposePlan(input: $input) { plan { id version } userErrors { message } } }`;
const COMMIT = `mutation Commit($input: CommitPlanInput!) {
  commitPlan(input: $input) { plan { id state failure } userErrors { message } } }`;
const DISCARD = `mutation Discard($input: DiscardPlanInput!) {
  discardPlan(input: $input) { plan { id state } userErrors { message } } }`;
const PROGRESS = `subscription Progress($plan: ID!, $after: Cursor) { planProgress(plan: $plan, after: $after) {
  __typename
  ${onEach(STEPS, "cursor cost assigned unassigned plan { id version state failure changes(first: 1) { totalCount } }")}
  ... on Lagged { cursor count resumeFrom }
  ... on ResyncRequired { cursor cause }
} }`;

/** Today's shifts by the organization's calendar; where nobody works today, those of the next day of work. */
function ofOneDay(shifts, today, timeZone) {
  const calendar = new Intl.DateTimeFormat("sv-SE", { timeZone });
  const dayOf = (shift) => calendar.format(new Date(shift.startsAt));
  const days = shifts.map(dayOf).sort();
  const day = days.find((one) => one >= today) ?? days.at(-1);
  return shifts.filter((shift) => dayOf(shift) === day);
}

const byId = (id) => document.getElementById(id);

class Board {
  constructor(token) {
    this.token = token;
    this.technicians = new Map();
    this.visits = new Map();
    this.seen = 0; // the latest business time that anything told
    this.due = false;
    this.map = streetMap(byId("map"));
    this.sites = L.layerGroup().addTo(this.map);
    this.crew = L.layerGroup().addTo(this.map);
    this.dots = new Map();
  }

  async open() {
    const { viewer } = await ask(this.token, WHO);
    this.organization = viewer.organization;
    byId("organization").textContent = `${viewer.organization.name} · ${viewer.role.toLowerCase()}`;
    await this.load();
    follow({
      token: this.token,
      query: FOLLOW,
      onItem: (item) => this.take(item),
      onState: (state, reason) => tellConnection(state, reason),
    });
    setInterval(() => this.locate(), POSITIONS_EVERY);
    byId("propose").onclick = () => this.propose();
  }

  async load() {
    const { today, timeZone } = this.organization;
    const since = new Date(Date.parse(today) - DAY);
    const { technicians } = await ask(this.token, TECHNICIANS, { since });
    this.technicians = new Map(technicians.nodes.map((one) => [one.id, one]));
    const shifts = ofOneDay(technicians.nodes.flatMap((one) => one.shifts.nodes), today, timeZone);
    this.from = Math.min(...shifts.map((shift) => new Date(shift.startsAt)));
    this.until = Math.max(...shifts.map((shift) => new Date(shift.endsAt)));
    const visits = new Map();
    for (let after = null, more = true; more; ) {
      const page = (await ask(this.token, VISITS, { from: new Date(this.from), after })).visits;
      for (const visit of page.nodes) visits.set(visit.id, visit);
      after = page.pageInfo.endCursor;
      more = page.pageInfo.hasNextPage;
    }
    this.visits = visits;
    this.showPositions(technicians.nodes);
    this.draw();
  }

  async locate() {
    if (document.hidden) return;
    try {
      const { technicians } = await ask(this.token, POSITIONS);
      this.showPositions(technicians.nodes);
      this.drawSoon();
    } catch {
      // The next turn asks again; the connection's own line says when the server is away.
    }
  }

  /** A change of the schedule, or the need to read it anew. */
  take(item) {
    if (item.__typename === "ResyncRequired") {
      this.load();
    } else if (item.__typename === "VisitRemoved") {
      this.visits.delete(item.visitId);
    } else if (item.visit) {
      const known = this.visits.get(item.visit.id);
      if (!known || known.version <= item.visit.version) this.visits.set(item.visit.id, item.visit);
      this.see(item.occurredAt);
      tell(item, this.organization.timeZone);
      if (item.reason?.includes("absent")) this.load();
    }
    this.drawSoon();
  }

  see(instant) {
    this.seen = Math.max(this.seen, new Date(instant));
  }

  get now() {
    return this.seen || Date.now();
  }

  drawSoon() {
    if (this.due) return;
    this.due = true;
    setTimeout(() => {
      this.due = false;
      this.draw();
    }, DRAW_EVERY);
  }

  draw() {
    const visits = [...this.visits.values()];
    byId("clock").textContent = hourAndMinute(this.now, this.organization.timeZone);
    drawCounts(visits);
    this.drawSites(visits);
    const rows = [...this.technicians.values()].map((technician) => ({
      technician,
      visits: visits.filter((visit) => visit.planned && lead(visit)?.id === technician.id),
    }));
    drawGantt(byId("gantt"), rows, {
      from: this.from,
      until: this.until,
      now: this.now,
      timeZone: this.organization.timeZone,
    });
  }

  drawSites(visits) {
    this.sites.clearLayers();
    for (const visit of visits) {
      if (!visit.site || visit.state === "CANCELLED") continue;
      const { colour, label } = STATES[visit.state];
      const open = visit.state === "UNSCHEDULED";
      L.circleMarker(place(visit.site.location), {
        radius: visit.workOrder?.priority === "EMERGENCY" ? 8 : 5,
        color: open ? colour : "#ffffff",
        weight: open ? 2 : 1,
        fillColor: open ? "#ffffff" : colour,
        fillOpacity: 1,
      })
        .bindTooltip(words(`${visit.workOrder?.title ?? visit.site.name}`, label))
        .addTo(this.sites);
    }
  }

  showPositions(rows) {
    for (const { id, position } of rows) {
      const technician = this.technicians.get(id);
      if (!technician || !position) continue;
      this.see(position.at);
      const where = place(position.point);
      const dot = this.dots.get(id);
      if (dot) {
        dot.setLatLng(where);
      } else {
        const icon = L.divIcon({ className: "technician", html: element("span", initials(technician.name)) });
        const made = L.marker(where, { icon, title: technician.name, alt: technician.name });
        this.dots.set(id, made.addTo(this.crew));
      }
    }
  }

  async propose() {
    const { timeZone } = this.organization;
    const day = new Intl.DateTimeFormat("en-CA", { timeZone }).format(this.now);
    await attempt(async () => {
      const { plan } = await change(this.token, PROPOSE, { day, seconds: PLAN_SECONDS });
      offer(null);
      const end = follow({
        token: this.token,
        query: PROGRESS,
        variables: { plan: plan.id },
        onItem: (item) => this.progress(item, () => end()),
      });
    });
  }

  progress(step, end) {
    if (!step.plan) return;
    const { plan } = step;
    const cost = step.cost === null ? "" : `, cost ${Math.round(step.cost).toLocaleString("en")}`;
    const counts = `${step.assigned ?? 0} visits placed, ${step.unassigned ?? 0} left out${cost}`;
    if (step.__typename === "PlanProposed" || plan.state === "PROPOSED") {
      say(`Proposed: ${counts}, ${plan.changes.totalCount} changes.`);
      offer({
        commit: () => this.end(COMMIT, { plan: plan.id, expectedVersion: plan.version }, end),
        discard: () => this.end(DISCARD, { plan: plan.id }, end),
      });
    } else if (step.__typename === "PlanEnded") {
      say(plan.failure ?? `The plan is ${plan.state.toLowerCase()}.`);
      offer();
      end();
    } else {
      say(step.assigned === null ? "The optimizer is searching …" : `Searching: ${counts}.`);
    }
  }

  async end(document, input, end) {
    await attempt(async () => {
      const { plan } = await change(this.token, document, input);
      say(plan.failure ?? `The plan is ${plan.state.toLowerCase()}.`);
    });
    offer();
    end();
  }
}

function lead(visit) {
  return visit.assignments.nodes[0]?.technician ?? null;
}

function initials(name) {
  return name.split(" ").map((part) => part[0]).join("");
}

function words(...texts) {
  const made = element("div");
  for (const text of texts) made.append(element("div", text));
  return made;
}

function drawCounts(visits) {
  const counts = Object.groupBy
    ? Object.groupBy(visits, (visit) => visit.state)
    : visits.reduce((all, visit) => ({ ...all, [visit.state]: [...(all[visit.state] ?? []), visit] }), {});
  byId("counts").replaceChildren(
    ...Object.entries(STATES)
      .filter(([state]) => counts[state])
      .map(([state, { label, colour }]) => {
        const item = element("li", `${counts[state].length} ${label.toLowerCase()}`);
        item.style.setProperty("--colour", colour);
        return item;
      }),
  );
}

function tell(item, timeZone) {
  const { visit } = item;
  const line = element("li");
  line.style.setProperty("--colour", STATES[visit.state].colour);
  const who = lead(visit)?.name ?? item.technicianBefore?.name ?? "";
  line.append(
    element("time", hourAndMinute(new Date(item.occurredAt), timeZone)),
    element("strong", ` ${STATES[visit.state].label} `),
    element("span", [visit.workOrder?.title, who].filter(Boolean).join(" · ")),
  );
  if (item.reason) line.append(element("em", ` ${item.reason}`));
  const feed = byId("feed");
  feed.prepend(line);
  while (feed.children.length > FEED_LENGTH) feed.lastChild.remove();
}

function tellConnection(state, reason) {
  const texts = { live: "live", waiting: "connecting …", refused: reason };
  byId("connection").textContent = texts[state];
  byId("connection").dataset.state = state;
}

function say(text) {
  byId("plan-text").textContent = text;
}

/** Which buttons of a plan can be pressed: none while it is searched for (null), all to begin with. */
function offer(choices) {
  byId("propose").hidden = Boolean(choices);
  byId("propose").disabled = choices === null;
  for (const name of ["commit", "discard"]) {
    byId(name).hidden = !choices;
    byId(name).onclick = choices?.[name] ?? null;
  }
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    say(error instanceof Refused ? error.message : "The server did not answer.");
  }
}

function askForToken() {
  const door = byId("door");
  door.showModal();
  door.onclose = () => {
    sessionStorage.setItem("token", byId("token").value.trim());
    start();
  };
}

async function start() {
  const token = keptToken();
  if (!token) {
    askForToken();
    return;
  }
  try {
    await new Board(token).open();
  } catch (error) {
    tellConnection("refused", error.message);
    sessionStorage.removeItem("token");
  }
}

start();
