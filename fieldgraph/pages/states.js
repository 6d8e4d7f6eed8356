/** The states of a visit: how they are called and coloured, the same on every page. */

export const STATES = {
  UNSCHEDULED: { label: "Unscheduled", colour: "#c0392b" },
  SCHEDULED: { label: "Scheduled", colour: "#7fa3d1" },
  DISPATCHED: { label: "Dispatched", colour: "#2f5fa8" },
  EN_ROUTE: { label: "On the way", colour: "#d98300" },
  ARRIVED: { label: "Arrived", colour: "#8e44ad" },
  IN_PROGRESS: { label: "At work", colour: "#0b8a5f" },
  PAUSED: { label: "Paused", colour: "#6f7f2a" },
  COMPLETED: { label: "Completed", colour: "#9aa3a0" },
  INCOMPLETE: { label: "Incomplete", colour: "#6b4a3a" },
  NO_ACCESS: { label: "No access", colour: "#5a5a5a" },
  CANCELLED: { label: "Cancelled", colour: "#c9c9c9" },
};

/** "14:05" in a zone. */
export function hourAndMinute(instant, timeZone) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format(instant);
}

/** A new element with its text and attributes; text is never read as markup. */
export function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
