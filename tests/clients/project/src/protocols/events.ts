/** The real graphql-sse client on our event streams: each operation a connection of its own. */
import { createClient } from "graphql-sse";
import type { Client, RequestParams } from "graphql-sse";
import { change, tell, token, until, url } from "../said";

const CHANGES = `subscription Changes($after: Cursor) { scheduleChanges(after: $after) {
  __typename ... on ScheduleSnapshot { cursor } ... on VisitProgressed { cursor before { state } } } }`;
const RENAME =
  "mutation Rename($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { name } userErrors { code } } }";

function client(bearer: string, more: { fetchFn?: typeof fetch; retry?: () => Promise<void> } = {}): Client {
  return createClient({ url, headers: { authorization: `Bearer ${bearer}` }, retryAttempts: 2, ...more });
}

/** All results of one operation, or the status that refused it. */
async function all(of: Client, request: RequestParams): Promise<unknown> {
  const results: unknown[] = [];
  try {
    for await (const result of of.iterate(request)) results.push(result);
  } catch (reason) {
    return (reason as { response?: Response }).response?.status ?? String(reason);
  }
  return results;
}

async function travel(): Promise<void> {
  const found = await change("{ visits(first: 1, where: { state: { eq: DISPATCHED } }) { nodes { id } } }", {});
  const input = { visit: (found as { visits: { nodes: [{ id: string }] } }).visits.nodes[0].id };
  await change("mutation G($input: StartTravelInput!) { startTravel(input: $input) { userErrors { code } } }", { input });
  await change("mutation S($input: StopTravelInput!) { stopTravel(input: $input) { userErrors { code } } }", { input });
}

/** A stream that breaks goes on after its last cursor: each fact once, no snapshot again. */
async function followed() {
  const items: { __typename: string; cursor: string; before?: { state: string } }[] = [];
  let breaking = new AbortController();
  let streams = 0;
  const one = client(token, {
    retry: travel,
    fetchFn: (async (target: string, init: RequestInit) => {
      streams += 1;
      breaking = new AbortController();
      return fetch(target, { ...init, signal: breaking.signal });
    }) as typeof fetch,
  });
  const request = {
    query: CHANGES,
    get variables() {
      return { after: items.at(-1)?.cursor ?? null };
    },
  };
  const stop = one.subscribe<{ scheduleChanges: (typeof items)[0] }>(request, {
    next: ({ data }) => void (data && items.push(data.scheduleChanges)),
    error: (reason) => items.push({ __typename: String(reason), cursor: "" }),
    complete: () => undefined,
  });
  await until(() => items.length === 1, "the snapshot");
  await travel();
  await until(() => items.length === 3, "two changes");
  breaking.abort();
  await until(() => items.length >= 5, "what happened meanwhile");
  stop();
  return { items: items.map(({ __typename, before }) => `${__typename} ${before?.state ?? ""}`.trim()), streams };
}

async function main(): Promise<void> {
  const one = client(token);
  const found = await change("{ customers(last: 1) { nodes { id } } }", {});
  const customer = (found as { customers: { nodes: [{ id: string }] } }).customers.nodes[0].id;
  const codes = async (of: Client, query: string) =>
    (await all(of, { query })) as { errors?: { extensions?: { code?: string } }[] }[];
  tell({
    head: await all(one, { query: "{ __typename }" }),
    renamed: await all(one, { query: RENAME, variables: { input: { customer, name: "By events" } } }),
    wrong: (await codes(one, "{ nowhere }")).map(({ errors }) => errors?.map(({ extensions }) => extensions?.code)),
    stranger: await all(client("nobody"), { query: CHANGES }),
    followed: await followed(),
  });
}

void main();
