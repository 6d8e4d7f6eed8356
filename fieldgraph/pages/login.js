/** Signing in: as one of the demo's people where there are any, else by a token; then on to the board. */

import { ask } from "/pages/graph.js";
import { element } from "/pages/states.js";

const OFFICE = new Set(["ADMIN", "MANAGER", "DISPATCHER"]);
const WHO = "query Who { viewer { role } }";
const ROLES = {
  ADMIN: "Admin",
  MANAGER: "Manager",
  DISPATCHER: "Dispatcher",
  TECHNICIAN: "Technician",
  SUBCONTRACTOR: "Subcontractor",
  SALES: "Sales",
  CUSTOMER: "Customer's portal",
};

const byId = (id) => document.getElementById(id);

function say(sentence, state = "") {
  byId("status").textContent = sentence;
  byId("status").dataset.state = state;
}

/** On to the board of a role; where there is none, to the console, or elsewhere with the token itself. */
function enter(token, role, name) {
  if (OFFICE.has(role)) {
    location.assign(`/board#token=${encodeURIComponent(token)}`);
    return;
  }
  byId("none-title").textContent = `${name ? `${name}, ` : ""}${ROLES[role] ?? role}`;
  byId("given").value = token;
  byId("none").hidden = false;
  byId("none").scrollIntoView({ block: "nearest" });
  say("");
}

async function signIn(person) {
  say("One moment, please.");
  const response = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ organization: person.organization, user: person.user }),
  });
  if (!response.ok) {
    say(`${person.name} cannot sign in any more.`, "refused");
    return;
  }
  const { token, role } = await response.json();
  enter(token, role, person.name);
}

function show(company) {
  const section = element("section");
  section.append(element("h2", company.name));
  const list = element("ul", "", { class: "people" });
  for (const person of company.people) {
    const button = element("button", "", { type: "button", class: "quiet" });
    button.append(element("strong", person.name), element("span", ROLES[person.role] ?? person.role));
    button.addEventListener("click", () => signIn(person));
    const item = element("li");
    item.append(button);
    list.append(item);
  }
  section.append(list);
  byId("companies").append(section);
}

byId("paste").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  try {
    const { viewer } = await ask(token, WHO);
    enter(token, viewer.role);
  } catch (error) {
    say(error.message, "refused");
  }
});

byId("console").addEventListener("click", () => {
  location.assign(`/console#token=${encodeURIComponent(byId("given").value)}`);
});

byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("given").value);
  byId("copy").textContent = "Copied";
});

const response = await fetch("/login/people");
if (response.ok) {
  const { companies } = await response.json();
  companies.forEach(show);
  byId("paste-label").textContent = "Or paste a token";
}
