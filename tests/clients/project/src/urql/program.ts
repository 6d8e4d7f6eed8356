/** urql with its normalized cache against the demo: pages, changes and a stream that the cache follows. */
import { gql } from "@urql/core";
import type { Client } from "@urql/core";
import WebSocket from "ws";
import { tell, token, until, url } from "../said";
import { urql } from "./client";

Object.assign(globalThis, { WebSocket });

interface Line {
  id: string;
  name: string;
  version: number;
}
interface Pages {
  customers: { edges: { node: Line }[]; pageInfo: { endCursor: string; hasNextPage: boolean } };
}
interface Visits {
  visits: { edges: { node: { id: string; state: string } }[] };
}

const CUSTOMERS = gql<Pages, { first: number; after?: string }>`
  query CustomerPages($first: Int!, $after: String) {
    customers(first: $first, after: $after, orderBy: [{ field: NUMBER }]) {
      edges { cursor node { id name version } }
      pageInfo { endCursor hasNextPage hasPreviousPage startCursor }
    }
  }
`;
const RENAME = gql<{ updateCustomer: { customer: Line | null; userErrors: { code: string }[] } }>`
  mutation RenameCustomer($input: UpdateCustomerInput!) {
    updateCustomer(input: $input) { customer { id name version } userErrors { code message path } }
  }
`;
const VISITS = gql<Visits>`
  query DispatchedVisits {
    visits(first: 50, where: { state: { eq: DISPATCHED } }) { edges { node { id state planned { start end } } } }
  }
`;
const GO = gql`mutation Go($input: StartTravelInput!) { startTravel(input: $input) { userErrors { message } } }`;
const STOP = gql`mutation Stop($input: StopTravelInput!) { stopTravel(input: $input) { userErrors { message } } }`;
const CHANGES = gql<{ scheduleChanges: { __typename: string } }>`
  subscription Changes {
    scheduleChanges {
      __typename
      ... on ScheduleSnapshot { cursor }
      ... on VisitProgressed { cursor visit { id state } }
    }
  }
`;
const NODE = gql`query Again($id: ID!) { node(id: $id) { id ... on Customer { name } } }`;

/** Two pages become one list. */
async function pages(client: Client) {
  const first = await client.query(CUSTOMERS, { first: 4 }).toPromise();
  const after = first.data?.customers.pageInfo.endCursor;
  const second = await client.query(CUSTOMERS, { first: 4, after }).toPromise();
  const ids = second.data?.customers.edges.map(({ node }) => node.id) ?? [];
  return { errors: [first.error, second.error].map(String), listed: ids.length, distinct: new Set(ids).size, ids };
}

/** A rename is in the list without a question: the list is read from the cache alone. */
async function rename(client: Client, customer: string) {
  const list = async () =>
    (await client.query(CUSTOMERS, { first: 4 }, { requestPolicy: "cache-only" }).toPromise()).data?.customers.edges[0]?.node;
  const before = await list();
  const input = { customer, name: "Renamed by urql", expectedVersion: before?.version };
  const { data, error } = await client.mutation(RENAME, { input }).toPromise();
  const after = await list();
  return {
    error: String(error),
    userErrors: data?.updateCustomer.userErrors,
    name: after?.name,
    versions: (after?.version ?? 0) - (before?.version ?? 0),
  };
}

/** What a stream tells is in the list at once; `transport` is whatever the client was set up with. */
export async function follow(reader: Client, writer: Client) {
  const found = await reader.query(VISITS, {}).toPromise();
  const visit = found.data?.visits.edges[0]?.node;
  if (!visit) throw new Error(`nothing is dispatched: ${found.error}`);
  const kinds: string[] = [];
  const { unsubscribe } = reader.subscription(CHANGES, {}).subscribe(({ data, error }) => {
    kinds.push(data?.scheduleChanges.__typename ?? String(error));
  });
  const state = () =>
    reader.readQuery(VISITS, {})?.data?.visits.edges.find(({ node }) => node.id === visit.id)?.node.state;
  await until(() => kinds.length > 0, "the snapshot");
  const went = await writer.mutation(GO, { input: { visit: visit.id } }).toPromise();
  await until(() => state() === "EN_ROUTE", `the change after ${JSON.stringify([went.data, kinds])}`);
  await writer.mutation(STOP, { input: { visit: visit.id } }).toPromise();
  await until(() => state() === visit.state, "the way back");
  unsubscribe();
  return { kinds, back: state() };
}

/** Errors of the request come with their codes, whatever the status. */
async function refusals() {
  const codes = async (client: Client, id: string) => {
    const { error } = await client.query(NODE, { id }).toPromise();
    return error?.graphQLErrors.map(({ extensions }) => extensions["code"]);
  };
  return { malformed: await codes(urql(url, token), "nonsense"), unknown: await codes(urql(url, "nobody"), "nonsense") };
}

async function main(): Promise<void> {
  const warnings: string[] = [];
  console.warn = (text: string) => void warnings.push(text);
  const client = urql(url, token);
  const { ids, ...listed } = await pages(client);
  tell({
    pages: listed,
    rename: await rename(client, ids[0] ?? ""),
    follow: await follow(client, urql(url, token)),
    refusals: await refusals(),
    warnings,
  });
}

if (require.main === module) void main();
