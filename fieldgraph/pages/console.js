/** The console: write an operation, run it over HTTP or a socket, and read the schema beside it. */

import { complete, operations, tidied } from "/pages/completion.js";
import { ask, keptToken, listen, post } from "/pages/graph.js";
import { Schema, named, written } from "/pages/schema.js";
import { element } from "/pages/states.js";

const KEPT_ITEMS = 50;
const SHOWN_CHOICES = 12;
const FIRST_QUERY = `query Today {
  viewer { role organization { name } }
  visits(first: 5) {
    totalCount
    nodes {
      id
      state
      planned { start end }
      site { name }
    }
  }
}
`;

const byId = (id) => document.getElementById(id);
const query = byId("query");

let token = "";
let schema = null;
let trail = [];
let stop = null;
let chosen = 0;
let offered = { word: "", choices: [] };

// --- the answer

function tell(text, isRefused = false) {
  byId("status").textContent = text;
  byId("status").dataset.state = isRefused ? "refused" : "";
}

function show(value) {
  byId("answer").textContent = JSON.stringify(value, null, 2);
}

function readVariables() {
  const text = byId("variables").value.trim();
  return text ? JSON.parse(text) : {};
}

async function run() {
  stop?.();
  const operation = operations(query.value)[byId("operation").selectedIndex];
  let variables;
  try {
    variables = readVariables();
  } catch (error) {
    tell(`The variables are not JSON: ${error.message}`, true);
    return;
  }
  const request = { query: query.value, variables, operationName: operation?.name || null };
  // Over the socket anything is answered; over HTTP what has several results is not.
  if (operation?.kind === "subscription" || /@live\b/.test(query.value)) stream(request);
  else await answer(request);
}

async function answer(request) {
  tell("…");
  const began = performance.now();
  try {
    const response = await post(token, request);
    const text = await response.text();
    const content = JSON.parse(text);
    const cost = content.extensions?.cost?.requestedQueryCost;
    const parts = [`${response.status}`, `${Math.round(performance.now() - began)} ms`, size(text.length)];
    if (cost !== undefined) parts.push(`cost ${cost}`);
    tell(parts.join(" · "), Boolean(content.errors));
    show(content);
  } catch (error) {
    tell(`The server did not answer: ${error.message}`, true);
  }
}

function size(characters) {
  return characters < 2000 ? `${characters} B` : `${Math.round(characters / 1000)} kB`;
}

function stream(request) {
  const items = [];
  let count = 0;
  byId("stop").hidden = false;
  byId("answer").textContent = "";
  tell("listening …");
  const end = listen({
    token,
    request,
    onResult: (result) => {
      count += 1;
      items.unshift(result);
      items.length = Math.min(items.length, KEPT_ITEMS);
      tell(`listening: ${count} so far, the newest first`);
      show(items);
    },
    onEnd: (reason) => {
      byId("stop").hidden = true;
      tell(reason ? `ended: ${reason}` : `complete after ${count}`, Boolean(reason));
    },
  });
  stop = () => {
    stop = null;
    end();
    byId("stop").hidden = true;
    tell(`stopped after ${count}`);
  };
}

// --- the editor

function offer() {
  offered = schema ? complete(schema, query.value.slice(0, query.selectionStart)) : offered;
  chosen = 0;
  drawChoices();
}

function drawChoices() {
  const from = Math.max(0, chosen - SHOWN_CHOICES + 1);
  const shown = offered.choices.slice(from, from + SHOWN_CHOICES);
  byId("choices").replaceChildren(
    ...shown.map((name, index) => {
      const item = element("li", name);
      item.setAttribute("aria-selected", String(from + index === chosen));
      item.onmousedown = (event) => {
        event.preventDefault();
        insert(name);
      };
      return item;
    }),
  );
}

function insert(name) {
  query.setRangeText(name, query.selectionStart - offered.word.length, query.selectionStart, "end");
  query.dispatchEvent(new Event("input"));
}

function onKey(event) {
  const isChoosing = offered.word !== "" && offered.choices.length > 0;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  } else if (event.key === "Tab" && !event.shiftKey && isChoosing) {
    event.preventDefault();
    insert(offered.choices[chosen]);
  } else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && event.altKey && isChoosing) {
    event.preventDefault();
    const step = event.key === "ArrowRight" ? 1 : -1;
    chosen = (chosen + step + offered.choices.length) % offered.choices.length;
    drawChoices();
  } else if (event.key === "Enter") {
    event.preventDefault();
    const line = query.value.slice(0, query.selectionStart).split("\n").at(-1);
    const deeper = /[{(]\s*$/.test(line) ? "  " : "";
    query.setRangeText(`\n${/^\s*/.exec(line)[0]}${deeper}`, query.selectionStart, query.selectionEnd, "end");
    query.dispatchEvent(new Event("input"));
  }
}

function listOperations() {
  const before = byId("operation").selectedIndex;
  const found = operations(query.value);
  byId("operation").replaceChildren(
    ...found.map(({ kind, name }) => element("option", name || `${kind} without a name`)),
  );
  byId("operation").selectedIndex = Math.min(Math.max(before, 0), found.length - 1);
}

function onInput() {
  sessionStorage.setItem("query", query.value);
  listOperations();
  offer();
}

// --- the schema

function button(text, go) {
  const made = element("button", text, { type: "button" });
  made.onclick = go;
  return made;
}

function typeButton(type) {
  return button(written(type), () => visit(named(type)));
}

function visit(name) {
  const seen = trail.indexOf(name);
  trail = seen >= 0 ? trail.slice(0, seen + 1) : [...trail, name];
  byId("search").value = "";
  drawDocs();
}

function described(name, { args = [], type, description, deprecationReason }) {
  const item = element("li");
  item.append(element("b", name));
  if (args.length) {
    item.append("(");
    args.forEach((one, index) => {
      item.append(`${index ? ", " : ""}${one.name}: `, typeButton(one.type));
    });
    item.append(")");
  }
  if (type) item.append(": ", typeButton(type));
  if (description) item.append(element("p", description));
  if (deprecationReason) item.append(element("p", `Deprecated: ${deprecationReason}`));
  return item;
}

function membersOf(type) {
  if (type.fields) return type.fields.map((field) => described(field.name, field));
  if (type.inputFields) return type.inputFields.map((field) => described(field.name, field));
  if (type.enumValues) return type.enumValues.map((value) => described(value.name, value));
  return (type.possibleTypes ?? []).map(({ name }) => {
    const item = element("li");
    item.append(button(name, () => visit(name)));
    return item;
  });
}

function foundItem([type, field]) {
  const item = element("li");
  item.append(button(field ? `${type.name}.${field.name}` : type.name, () => visit(type.name)));
  if (field) item.append(": ", typeButton(field.type));
  return item;
}

function drawDocs() {
  const text = byId("search").value.trim();
  byId("trail").replaceChildren(...trail.map((name) => button(name, () => visit(name))));
  const type = schema.types.get(trail.at(-1));
  const list = element("ul");
  list.append(...(text ? schema.search(text).map(foundItem) : membersOf(type)));
  const head = !text && type.description ? [element("p", type.description)] : [];
  byId("docs").replaceChildren(...head, list);
}

// --- coming in

function askForToken(reason = "") {
  tell(reason, Boolean(reason));
  const door = byId("door");
  door.showModal();
  door.onclose = () => enter(byId("token").value.trim());
}

async function enter(given) {
  token = given;
  try {
    const { viewer } = await ask(token, "query Who { viewer { role subject organization { name } } }");
    byId("viewer").textContent = [viewer.organization?.name, viewer.role, viewer.subject].filter(Boolean).join(" · ");
    sessionStorage.setItem("token", token);
    schema = await Schema.load(token);
  } catch (error) {
    sessionStorage.removeItem("token");
    askForToken(error.message);
    return;
  }
  trail = [schema.roots.query];
  drawDocs();
  tell("Ctrl+Enter runs it, Tab takes the marked word, Alt+arrows mark another.");
}

function start() {
  query.value = sessionStorage.getItem("query") ?? FIRST_QUERY;
  listOperations();
  query.onkeydown = onKey;
  query.oninput = onInput;
  query.onclick = offer;
  byId("run").onclick = run;
  byId("stop").onclick = () => stop?.();
  byId("prettify").onclick = () => {
    query.value = tidied(query.value);
    onInput();
  };
  byId("leave").onclick = () => askForToken();
  byId("search").oninput = () => schema && drawDocs();
  const known = keptToken();
  if (known) enter(known);
  else askForToken();
}

start();
