// mercurius with JIT and batched loaders over the same database; copied beside the packages that npm has installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [file, port] = process.argv.slice(2);
const required = createRequire(import.meta.url);
const fastify = required("fastify");
const mercurius = required("mercurius");
const pg = required("pg");
const plan = JSON.parse(readFileSync(file, "utf8"));

// Texts stay texts: a Date for each instant would only be printed again.
pg.types.setTypeParser(1184, (text) => `${text.slice(0, 10)}T${text.slice(11)}:00`);
pg.types.setTypeParser(1082, (text) => text);

// A viewer's own pool: kinder than the round trip that switching viewers would cost.
const pools = Object.fromEntries(
  Object.entries(plan.viewers).map(([name, settings]) => {
    const given = Object.entries(settings).filter(([, value]) => value);
    const options = given.map(([key, value]) => `-c ${key}=${value}`).join(" ");
    return [name, new pg.Pool({ ...plan.connection, max: 10, options: `-c timezone=UTC -c jit=off ${options}` })];
  }),
);

const schema = `
  scalar DateTime
  scalar Date
  type Query {
    workOrder(id: ID!): WorkOrder
    customer(id: ID!): Customer
    workOrders(first: Int!, createdFrom: DateTime, createdTo: DateTime): [WorkOrder!]!
  }
  type WorkOrder {
    id: ID! number: String! title: String! state: String! priority: String! createdAt: DateTime! dueAt: DateTime
    customer: Customer site: Site contract: Contract visits: [Visit!]!
  }
  type Customer { id: ID! number: String! name: String! contracts: [Contract!]! workOrders(first: Int!): [WorkOrder!]! }
  type Contract { id: ID! number: String! name: String! state: String! startsOn: Date! endsOn: Date! }
  type Site { id: ID! name: String! address: String! timeZone: String! }
  type Visit {
    id: ID! state: String! plannedStart: DateTime createdAt: DateTime!
    arrivalWindow: ArrivalWindow assignments: [Assignment!]!
  }
  type ArrivalWindow { start: DateTime end: DateTime }
  type Assignment {
    id: ID! state: String! isLead: Boolean! plannedStart: DateTime! plannedEnd: DateTime! technician: Technician
  }
  type Technician { id: ID! code: String! name: String! phone: String kind: String! }
`;

const ORDER = `id, number, title, state, priority, created_at AS "createdAt", due_at AS "dueAt",
  customer_id, site_id, contract_id`;
const CUSTOMER = "id, number, name";
const CONTRACT = `id, number, name, state, starts_on AS "startsOn", ends_on AS "endsOn", customer_id`;
const SITE = `id, name, address, time_zone AS "timeZone"`;
const VISIT = `id, state, planned_start AS "plannedStart", created_at AS "createdAt",
  window_start, window_end, work_order_id`;
const ASSIGNMENT = `id, state, is_lead AS "isLead", planned_start AS "plannedStart", planned_end AS "plannedEnd",
  technician_id, visit_id`;
const TECHNICIAN = "id, code, name, phone, kind";

const rows = async (context, name, text, values) => (await context.pool.query({ name, text, values })).rows;

// A loader that finds for each row the one that its column names.
const one = (table, columns, by) => async (queries, context) => {
  const keys = [...new Set(queries.map(({ obj }) => obj[by]))];
  const text = `SELECT ${columns} FROM ${table} WHERE organization_id = $1 AND id = ANY($2)`;
  const found = await rows(context, `one ${table}`, text, [plan.organization, keys]);
  const byId = new Map(found.map((row) => [row.id, row]));
  return queries.map(({ obj }) => byId.get(obj[by]) ?? null);
};

// A loader that finds for each row those that name it.
const many = (table, columns, via, order) => async (queries, context) => {
  const keys = queries.map(({ obj }) => obj.id);
  const text = `SELECT ${columns} FROM ${table} WHERE organization_id = $1 AND ${via} = ANY($2) ORDER BY ${order}`;
  const groups = new Map(keys.map((key) => [key, []]));
  for (const row of await rows(context, `many ${table} ${via}`, text, [plan.organization, keys])) {
    groups.get(row[via]).push(row);
  }
  return queries.map(({ obj, params }) => groups.get(obj.id).slice(0, params.first));
};

const resolvers = {
  Query: {
    workOrder: async (_, { id }, context) => {
      const text = `SELECT ${ORDER} FROM work_order WHERE organization_id = $1 AND id = $2`;
      return (await rows(context, "order", text, [plan.organization, id]))[0];
    },
    customer: async (_, { id }, context) => {
      const text = `SELECT ${CUSTOMER} FROM customer WHERE organization_id = $1 AND id = $2`;
      return (await rows(context, "customer", text, [plan.organization, id]))[0];
    },
    workOrders: (_, { first, createdFrom, createdTo }, context) => {
      const between = createdFrom ? "AND created_at >= $3 AND created_at < $4" : "";
      const text = `SELECT ${ORDER} FROM work_order WHERE organization_id = $1 ${between}
        ORDER BY created_at DESC, id DESC LIMIT $2`;
      const values = [plan.organization, first, ...(createdFrom ? [createdFrom, createdTo] : [])];
      return rows(context, createdFrom ? "day" : "newest", text, values);
    },
  },
  Visit: { arrivalWindow: (visit) => ({ start: visit.window_start, end: visit.window_end }) },
};

const loaders = {
  WorkOrder: {
    customer: one("customer", CUSTOMER, "customer_id"),
    site: one("site", SITE, "site_id"),
    contract: one("contract", CONTRACT, "contract_id"),
    visits: many("visit", VISIT, "work_order_id", "planned_start, id"),
  },
  Customer: {
    contracts: many("contract", CONTRACT, "customer_id", "number"),
    workOrders: many("work_order", `${ORDER}`, "customer_id", "created_at DESC, id DESC"),
  },
  Visit: { assignments: many("assignment", ASSIGNMENT, "visit_id", "planned_start, id") },
  Assignment: { technician: one("technician", TECHNICIAN, "technician_id") },
};

const app = fastify();
const context = (request) => ({ pool: pools[request.headers.authorization] });
app.register(mercurius, { schema, resolvers, loaders, context, jit: 1 });
await app.listen({ port: Number(port), host: "127.0.0.1" });
