/** Relay's store against the demo: a connection paged and added to, an edge removed, a refetch by node, a stream. */
import { commitMutation, createOperationDescriptor, fetchQuery, getRequest, requestSubscription } from "relay-runtime";
import type { Environment, GraphQLTaggedNode, MutationParameters, OperationType, Variables } from "relay-runtime";
import WebSocket from "ws";
import { change, tell, token, until, url } from "../said";
import addTask from "./__generated__/programAddTaskMutation.graphql";
import type { programAddTaskMutation } from "./__generated__/programAddTaskMutation.graphql";
import changes from "./__generated__/programChangesSubscription.graphql";
import type { programChangesSubscription } from "./__generated__/programChangesSubscription.graphql";
import create from "./__generated__/programCreateMutation.graphql";
import type { programCreateMutation } from "./__generated__/programCreateMutation.graphql";
import refetch from "./__generated__/programLineRefetchQuery.graphql";
import more from "./__generated__/programListPaginationQuery.graphql";
import list from "./__generated__/programListQuery.graphql";
import order from "./__generated__/programOrderQuery.graphql";
import type { programOrderQuery } from "./__generated__/programOrderQuery.graphql";
import removeTask from "./__generated__/programRemoveTaskMutation.graphql";
import type { programRemoveTaskMutation } from "./__generated__/programRemoveTaskMutation.graphql";
import visits from "./__generated__/programVisitsQuery.graphql";
import type { programVisitsQuery } from "./__generated__/programVisitsQuery.graphql";
import { environment } from "./environment";

Object.assign(globalThis, { WebSocket });
const warnings: string[] = [];
/** Asks, and keeps what was answered, as a mounted screen does. */
async function ask<T extends OperationType>(of: Environment, query: GraphQLTaggedNode, given: Variables): Promise<T["response"]> {
  of.retain(createOperationDescriptor(getRequest(query), given));
  return fetchQuery<T>(of, query, given).toPromise();
}

function commit<T extends MutationParameters>(of: Environment, mutation: GraphQLTaggedNode, variables: T["variables"]) {
  return new Promise<T["response"]>((resolve, reject) => {
    commitMutation<T>(of, { mutation, variables, onCompleted: resolve, onError: reject });
  });
}

/** The ids that a connection in the store shows. */
function shown(of: Environment, connection: string): string[] {
  const records = of.getStore().getSource();
  const refs = (records.get(connection)?.["edges"] as { __refs: string[] } | undefined)?.__refs ?? [];
  return refs.map((edge) => (records.get(edge)?.["node"] as { __ref: string }).__ref);
}

/** The connection of customers, by the end of its record's id: arguments that page are not in it. */
function listId(of: Environment): string {
  const found = of.getStore().getSource().getRecordIDs().find((id) => /__ProgramList_customers_connection\(.*\)$/.test(id));
  if (!found) throw new Error("the list is not in the store");
  return found;
}

async function pages(of: Environment) {
  await ask(of, list, { count: 4, cursor: null });
  const first = shown(of, listId(of));
  const end = of.getStore().getSource().get(`${listId(of)}:pageInfo`)?.["endCursor"];
  await ask(of, more, { count: 4, cursor: end });
  const both = shown(of, listId(of));
  return { first: first.length, both: both.length, distinct: new Set(both).size };
}

async function append(of: Environment) {
  const before = shown(of, listId(of));
  const variables = { input: { name: "Made by Relay" }, connections: [listId(of)] };
  const { createCustomer } = await commit<programCreateMutation>(of, create, variables);
  const after = shown(of, listId(of));
  const made = createCustomer.customer?.id ?? "";
  return { more: after.length - before.length, last: after.at(-1) === made, made };
}

/** A fragment asked again by its node's id sees what somebody else has changed. */
async function again(of: Environment, customer: string) {
  const name = () => of.getStore().getSource().get(customer)?.["name"];
  const before = name();
  const rename = "mutation R($input: UpdateCustomerInput!) { updateCustomer(input: $input) { userErrors { code } } }";
  await change(rename, { input: { customer, name: "Changed elsewhere" } });
  await ask(of, refetch, { id: customer });
  return [before, name()];
}

/** A task is added to its order's connection and taken from it, by what the payloads say. */
async function tasks(of: Environment) {
  const found = await ask<programOrderQuery>(of, order, { count: 1 });
  const node = found?.workOrders.edges[0]?.node;
  if (!node) throw new Error("no order is ready");
  const connection = node.tasks.__id;
  const counts = [shown(of, connection).length];
  const input = { workOrder: node.id, name: "A step that goes again" };
  const { addTask: added } = await commit<programAddTaskMutation>(of, addTask, { input, connections: [connection] });
  counts.push(shown(of, connection).length);
  const task = added.task?.id ?? "";
  const removal = { input: { task }, connections: [connection] };
  const { removeTask: removed } = await commit<programRemoveTaskMutation>(of, removeTask, removal);
  counts.push(shown(of, connection).length);
  const [before = 0] = counts;
  return { counts: counts.map((count) => count - before), same: removed.removedId === task };
}

const step = (name: string) => {
  const kind = name[0]?.toUpperCase() + name.slice(1);
  return `mutation Step($input: ${kind}Input!) { ${name}(input: $input) { userErrors { code path message } } }`;
};

/** What a stream tells is in the store at once, also that a visit has left what is followed. */
async function follow(of: Environment) {
  const found = await ask<programVisitsQuery>(of, visits, {});
  const standing = (state: string) => found?.visits.edges.map(({ node }) => node).filter((node) => node.state === state).at(-1);
  const [going, leaving] = [standing("DISPATCHED"), standing("SCHEDULED")];
  if (!going || !leaving) throw new Error("nothing is dispatched, or nothing scheduled");
  const technicians = [going, leaving].map(({ assignments }) => assignments.nodes[0]?.technician?.id ?? "");
  const state = () => of.getStore().getSource().get(going.id)?.["state"];
  const kinds: string[] = [];
  const left: string[] = [];
  const stream = requestSubscription<programChangesSubscription>(of, {
    subscription: changes,
    variables: { scope: { technicians } },
    onNext: (item) => {
      kinds.push(item?.scheduleChanges.__typename ?? "nothing");
      if (item?.scheduleChanges.__typename === "VisitRemoved") left.push(item.scheduleChanges.visitId);
    },
    onError: (reason) => void kinds.push(String(reason)),
  });
  await until(() => kinds.length > 0, "the snapshot");
  await change(step("startTravel"), { input: { visit: going.id } });
  await until(() => state() === "EN_ROUTE", "the change");
  await change(step("stopTravel"), { input: { visit: going.id } });
  await until(() => state() === "DISPATCHED", "the way back");
  await change(step("unscheduleVisit"), { input: { visit: leaving.id, reason: "Wanted elsewhere" } });
  await until(() => left.length > 0, `the removal after ${kinds}`);
  stream.dispose();
  return { kinds, left: String(left) === leaving.id, kind: of.getStore().getSource().get(leaving.id)?.["__typename"] };
}

async function main(): Promise<void> {
  console.error = (...words: unknown[]) => void warnings.push(words.join(" "));
  console.warn = console.error;
  const of = environment(url, token);
  const paged = await pages(of);
  const { made, ...appended } = await append(of);
  const refetched = await again(of, made);
  tell({ paged, appended, refetched, tasks: await tasks(of), followed: await follow(of), warnings });
}

void main();
