/** The day by technician: one row each, one bar a visit, one line for now. */

import { STATES, element, hourAndMinute } from "/pages/states.js";

const HOUR = 3_600_000;

/** Draw rows of `{technician, visits}` between two instants into an element. */
export function drawGantt(holder, rows, { from, until, now, timeZone }) {
  const share = (instant) => `${(100 * (instant - from)) / (until - from)}%`;
  const scale = element("div", "", { class: "scale" });
  for (let hour = Math.ceil(from / HOUR) * HOUR; hour < until; hour += HOUR) {
    const mark = element("span", hourAndMinute(hour, timeZone));
    mark.style.left = share(hour);
    scale.append(mark);
  }
  const drawn = rows.map((row) => drawRow(row, { share, until, timeZone }));
  const line = element("div", "", { class: "now" });
  line.style.setProperty("--now", share(Math.min(Math.max(now, from), until)));
  const table = element("div", "", { class: "rows", role: "list" });
  table.append(line, ...drawn);
  holder.replaceChildren(scale, table);
}

function drawRow({ technician, visits }, { share, until, timeZone }) {
  const row = element("div", "", { class: "row", role: "listitem" });
  row.append(element("span", technician.name, { class: "name", title: technician.name }));
  const lane = element("div", "", { class: "lane" });
  for (const absence of technician.absences.nodes) {
    const gap = element("i", "", { class: "absence", title: "Absent" });
    gap.style.left = share(new Date(absence.startsAt));
    gap.style.right = `calc(100% - ${share(Math.min(new Date(absence.endsAt), until))})`;
    lane.append(gap);
  }
  for (const visit of visits) lane.append(drawVisit(visit, { share, timeZone }));
  row.append(lane);
  return row;
}

function drawVisit(visit, { share, timeZone }) {
  const [start, end] = [new Date(visit.planned.start), new Date(visit.planned.end)];
  const { label, colour } = STATES[visit.state];
  const times = `${hourAndMinute(start, timeZone)}–${hourAndMinute(end, timeZone)}`;
  const words = `${times} ${visit.workOrder?.title ?? ""}: ${label}`;
  const bar = element("b", "", { title: words, "aria-label": words, role: "img", "data-state": visit.state });
  bar.style.left = share(start);
  bar.style.right = `calc(100% - ${share(end)})`;
  bar.style.background = colour;
  return bar;
}
