/** The customer's page: where their visit stands, when somebody comes, and from where. */

import { ask, follow, onEach } from "/pages/graph.js";
import { element, hourAndMinute } from "/pages/states.js";
import { L, place, streetMap } from "/pages/streets.js";

const ITEMS = ["VisitTrackingSnapshot", "VisitStateChanged", "VisitArrived", "EtaChanged", "PositionChanged"];
const SENTENCES = {
  UNSCHEDULED: "We are looking for a time for your visit.",
  SCHEDULED: "Your visit is planned.",
  DISPATCHED: "Your technician is informed.",
  EN_ROUTE: "Your technician is on the way.",
  ARRIVED: "Your technician has arrived.",
  IN_PROGRESS: "The work has begun.",
  PAUSED: "The work is paused.",
  COMPLETED: "The work is done. Thank you.",
  INCOMPLETE: "We have to come again. We will tell you when.",
  NO_ACCESS: "We could not get in. We will call you.",
  CANCELLED: "This visit was cancelled.",
};
const STEPS = [
  ["Planned", ["SCHEDULED", "DISPATCHED"]],
  ["On the way", ["EN_ROUTE"]],
  ["Arrived", ["ARRIVED", "IN_PROGRESS", "PAUSED"]],
  ["Done", ["COMPLETED"]],
];
const CLOSE = 15.5; // the zoom at which house and street can be told apart
const VISIT = `query Visit { viewer { organization { name } visit {
  state arrivalWindow { start end } workOrder { title } site { name address location timeZone }
} } }`;
const FOLLOW = `subscription Track($after: Cursor) { visitTracking(after: $after) {
  __typename
  ${onEach(
    ITEMS,
    "cursor state stopsBefore eta { earliest expected latest } position { point accuracyMetres at }" +
      " visit { arrivalWindow { start end } }",
  )}
  ... on Lagged { cursor count resumeFrom }
  ... on ResyncRequired { cursor cause }
} }`;

const byId = (id) => document.getElementById(id);
const token = decodeURIComponent(location.pathname.split("/").pop());
const map = streetMap(byId("map"));
let timeZone = "UTC";
let site = null;
let circle = null;

async function start() {
  try {
    const { viewer } = await ask(token, VISIT);
    show(viewer);
    follow({ token, query: FOLLOW, onItem: take, onState: tellConnection });
  } catch {
    byId("state").textContent = "This link is not valid any more.";
    byId("map").hidden = true;
  }
}

function show({ organization, visit }) {
  ({ timeZone } = visit.site);
  byId("company").textContent = organization.name;
  byId("what").textContent = visit.workOrder.title;
  byId("where").textContent = `${visit.site.name}, ${visit.site.address}`;
  showWindow(visit.arrivalWindow);
  showState(visit.state);
  site = L.circleMarker(place(visit.site.location), {
    radius: 9,
    color: "#ffffff",
    weight: 2,
    fillColor: "#c0392b",
    fillOpacity: 1,
  });
  site.bindTooltip(element("span", "Your visit is here")).addTo(map);
  map.ready.then(() => map.setView(site.getLatLng(), CLOSE, { animate: false }));
}

function take(item) {
  if (item.__typename === "ResyncRequired" || item.__typename === "Lagged") return;
  showState(item.state, item.stopsBefore);
  showWindow(item.visit?.arrivalWindow);
  showEta(item.eta);
  showPosition(item.position);
}

function showState(state, stopsBefore = 0) {
  const several = stopsBefore > 0 && ["DISPATCHED", "EN_ROUTE"].includes(state);
  const stops = stopsBefore === 1 ? "1 stop" : `${stopsBefore} stops`;
  const sentence = several ? `Your technician has ${stops} before you.` : SENTENCES[state];
  if (byId("state").textContent !== sentence) byId("state").textContent = sentence;
  document.title = sentence;
  document.body.dataset.state = state;
  const reached = STEPS.findIndex(([, states]) => states.includes(state));
  byId("steps").replaceChildren(
    ...STEPS.map(([label], index) => {
      const step = element("li", label, { class: index <= reached ? "done" : "" });
      if (index === reached) step.setAttribute("aria-current", "step");
      return step;
    }),
  );
}

function showWindow(range) {
  if (!range) return;
  const [start, end] = [new Date(range.start), new Date(range.end)];
  const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone });
  const times = `between ${hourAndMinute(start, timeZone)} and ${hourAndMinute(end, timeZone)}`;
  byId("window").textContent = `${day.format(start)}, ${times}`;
}

function showEta(eta) {
  byId("eta-row").hidden = !eta;
  if (!eta) return;
  const [earliest, expected, latest] = [eta.earliest, eta.expected, eta.latest].map((text) =>
    hourAndMinute(new Date(text), timeZone),
  );
  byId("eta").textContent = `about ${expected} (between ${earliest} and ${latest})`;
}

/** A circle as exact as we may show it; none before and after the journey. */
function showPosition(position) {
  circle?.remove();
  circle = null;
  if (!position) return;
  circle = L.circle(place(position.point), {
    radius: Math.max(position.accuracyMetres, 20),
    color: "#d98300",
    weight: 2,
    fillOpacity: 0.25,
  });
  circle.bindTooltip(element("span", "Your technician is about here")).addTo(map);
  if (site && !map.getBounds().contains(circle.getBounds())) {
    map.fitBounds(circle.getBounds().extend(site.getLatLng()), { maxZoom: CLOSE, padding: [20, 20] });
  }
}

function tellConnection(state, reason) {
  const texts = { live: "", waiting: "Connecting …", refused: reason };
  byId("connection").textContent = texts[state];
}

start();
