/** The schema as its own introspection tells it: types by name, and what stands where. */

import { ask } from "/pages/graph.js";

const TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
const VALUE = `name description defaultValue type { ${TYPE} }`;
const QUESTION = `query Schema { __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  directives { name args { ${VALUE} } }
  types {
    kind name description
    fields(includeDeprecated: true) { name description isDeprecated deprecationReason args { ${VALUE} } type { ${TYPE} } }
    inputFields { ${VALUE} }
    enumValues(includeDeprecated: true) { name description }
    possibleTypes { name }
  }
} }`;

export class Schema {
  constructor(told) {
    this.types = new Map(told.types.map((type) => [type.name, type]));
    this.directives = new Map(told.directives.map((directive) => [directive.name, directive]));
    this.roots = {
      query: told.queryType?.name,
      mutation: told.mutationType?.name,
      subscription: told.subscriptionType?.name,
    };
  }

  static async load(token) {
    return new Schema((await ask(token, QUESTION)).__schema);
  }

  field(typeName, fieldName) {
    return this.types.get(typeName)?.fields?.find((field) => field.name === fieldName);
  }

  inputField(typeName, fieldName) {
    return this.types.get(typeName)?.inputFields?.find((field) => field.name === fieldName);
  }

  /** Everything whose name holds the text, the nearest first: [type, field or undefined]. */
  search(text) {
    const wanted = text.toLowerCase();
    const found = [];
    for (const type of this.types.values()) {
      if (type.name.startsWith("__")) continue;
      if (type.name.toLowerCase().includes(wanted)) found.push([type]);
      for (const field of type.fields ?? type.inputFields ?? []) {
        if (field.name.toLowerCase().includes(wanted)) found.push([type, field]);
      }
    }
    const length = ([type, field]) => (field ?? type).name.length;
    return found.sort((one, other) => length(one) - length(other)).slice(0, 80);
  }
}

/** The type's name without lists and `!`. */
export function named(type) {
  return type.ofType ? named(type.ofType) : type.name;
}

/** The type as one writes it. */
export function written(type) {
  if (type.kind === "NON_NULL") return `${written(type.ofType)}!`;
  if (type.kind === "LIST") return `[${written(type.ofType)}]`;
  return type.name;
}
