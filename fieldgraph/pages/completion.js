/** What may stand at the cursor of a document: read from the words before it and the schema. */

import { named } from "/pages/schema.js";

const TOKENS = /#[^\n]*|"""[\s\S]*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?|\.\.\.|[{}()[\]:$@!=|&]|-?\d[\w.]*|\w+/g;
const SWITCHES = ["true", "false"];

/** { word, choices }: the beginning that is already there, and every name that may take its place. */
export function complete(schema, textBefore) {
  const word = /\w*$/.exec(textBefore)[0];
  const reader = new Reader(schema);
  for (const [token] of textBefore.slice(0, textBefore.length - word.length).matchAll(TOKENS)) {
    if (!token.startsWith("#") && !token.startsWith('"')) reader.take(token);
  }
  const wanted = word.toLowerCase();
  const choices = reader
    .choices()
    .filter((name) => name.toLowerCase().startsWith(wanted) && name !== word)
    .sort();
  return { word, choices };
}

/** Walks the tokens of a document that need not be whole; each open bracket is a frame. */
class Reader {
  constructor(schema) {
    this.schema = schema;
    this.frames = [];
    this.last = ""; // the token before the cursor
    this.root = "query"; // of the operation that is being written
    this.condition = null; // the type that a fragment or inline fragment is on
    this.directive = null;
  }

  get frame() {
    return this.frames.at(-1);
  }

  take(token) {
    if (token === "{" || token === "(" || token === "[") this.open(token);
    else if (token === "}" || token === ")" || token === "]") this.frames.pop();
    else if (/^\w/.test(token)) this.name(token);
    this.last = token;
  }

  open(token) {
    const frame = this.frame;
    if (token === "[") this.frames.push({ ...frame, kind: "list" });
    else if (token === "(") this.frames.push(this.argumentsFrame());
    else if (!frame) this.frames.push({ kind: "fields", type: this.condition ?? this.schema.roots[this.root] });
    else if (frame.kind === "fields") this.frames.push({ kind: "fields", type: this.condition ?? this.fieldType() });
    else this.frames.push({ kind: "object", type: this.valueType() });
    this.condition = null;
    this.directive = null;
  }

  argumentsFrame() {
    const owner = this.directive ? this.schema.directives.get(this.directive) : this.frame?.field;
    return { kind: owner ? "arguments" : "definitions", options: owner?.args ?? [] };
  }

  name(token) {
    const frame = this.frame;
    if (this.last === "@") this.directive = token;
    else if (this.last === "on") this.condition = token;
    else if (!frame && token in this.schema.roots) this.root = token;
    else if (frame?.kind === "fields" && token !== "on") {
      frame.field = this.schema.field(frame.type, token);
      this.directive = null;
    } else if (frame && this.last !== ":" && this.last !== "$") this.choose(frame, token);
  }

  choose(frame, token) {
    if (frame.kind === "arguments") frame.value = frame.options.find((option) => option.name === token);
    if (frame.kind === "object") frame.value = this.schema.inputField(frame.type, token);
  }

  fieldType() {
    return this.frame.field && named(this.frame.field.type);
  }

  valueType() {
    return this.frame.value && named(this.frame.value.type);
  }

  choices() {
    const { types, roots, directives } = this.schema;
    const frame = this.frame;
    if (this.last === "$") return [];
    if (this.last === "@") return [...directives.keys()];
    if (this.last === "on") return this.conditions();
    if (!frame) return this.last === "" || this.last === "}" ? [...Object.keys(roots), "fragment"] : ["on"];
    if (frame.kind === "definitions") {
      const isInput = (type) => ["SCALAR", "ENUM", "INPUT_OBJECT"].includes(type.kind);
      return [...types.values()].filter(isInput).map((type) => type.name);
    }
    if (frame.kind === "fields") return this.fields(frame);
    if (this.last === ":" || frame.kind === "list") return this.values();
    const options = frame.kind === "object" ? types.get(frame.type)?.inputFields : frame.options;
    return (options ?? []).map((option) => option.name);
  }

  fields(frame) {
    if (this.last === "...") return ["on"];
    const fields = this.schema.types.get(frame.type)?.fields ?? [];
    return [...fields.map((field) => field.name), "__typename"];
  }

  conditions() {
    const type = this.schema.types.get(this.frame?.type);
    const inside = type?.possibleTypes?.map((possible) => possible.name);
    if (inside) return [...inside];
    const isOutput = (one) => ["OBJECT", "INTERFACE", "UNION"].includes(one.kind);
    return [...this.schema.types.values()].filter(isOutput).map((one) => one.name);
  }

  values() {
    const type = this.schema.types.get(this.valueType());
    if (type?.name === "Boolean") return SWITCHES;
    return (type?.enumValues ?? []).map((value) => value.name);
  }
}

/** The document with its lines indented by their brackets; nothing else of it changes. */
export function tidied(text) {
  let depth = 0;
  const lines = text.split("\n").map((line) => {
    const bare = line.trim();
    const structure = bare.replace(/"(?:\\.|[^"\\])*"|#.*$/g, "");
    const closes = /^[})\]]*/.exec(structure)[0].length;
    const indented = bare && "  ".repeat(Math.max(depth - closes, 0)) + bare;
    for (const sign of structure) depth += "{([".includes(sign) ? 1 : "})]".includes(sign) ? -1 : 0;
    return indented;
  });
  return lines.join("\n");
}

/** The operations of a document, in their order: { kind, name }, name "" for one without. */
export function operations(text) {
  const found = [];
  let depth = 0;
  let kind = "";
  let name = "";
  for (const [token] of text.matchAll(TOKENS)) {
    if (depth === 0 && ["query", "mutation", "subscription", "fragment"].includes(token)) kind = token;
    else if (depth === 0 && kind && !name && /^[A-Za-z_]/.test(token)) name = token;
    else if (depth === 0 && token === "{" && kind !== "fragment") found.push({ kind: kind || "query", name });
    if ("{(".includes(token)) depth += 1;
    if ("})".includes(token)) depth -= 1;
    if (token === "}" && depth === 0) kind = name = "";
  }
  return found;
}
