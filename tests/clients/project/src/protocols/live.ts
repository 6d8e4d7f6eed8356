/** The client that applies JSON patches to live queries, on our sockets and on our event streams. */
import { applyLiveQueryJSONPatch } from "@n1ru4l/graphql-live-query-patch-json-patch";
import { createClient as eventClient } from "graphql-sse";
import { createClient as socketClient } from "graphql-ws";
import WebSocket from "ws";
import { change, tell, token, until, url } from "../said";

interface Message {
  data?: unknown;
  patch?: unknown[];
  revision?: number;
}
const FIELDS = "{ customers(first: 250, orderBy: [{ field: NAME, direction: ASC }]) { totalCount nodes { id name } } }";
const LIVE = `query Live @live(patch: true) ${FIELDS}`;
const RENAME =
  "mutation Rename($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { name } userErrors { code } } }";
const CREATE =
  "mutation Create($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } userErrors { code } } }";
const authorization = `Bearer ${token}`;

/** What comes, as it is sent and as the client makes it of that. */
function followed(source: AsyncIterable<unknown>) {
  const sent: Message[] = [];
  const made: Message[] = [];
  async function* heard() {
    for await (const message of source) {
      sent.push(JSON.parse(JSON.stringify(message)) as Message);
      yield message as Record<string, unknown>;
    }
  }
  void (async () => {
    for await (const result of applyLiveQueryJSONPatch(heard())) made.push(JSON.parse(JSON.stringify(result)) as Message);
  })();
  return { sent, made };
}

async function main(): Promise<void> {
  const socket = socketClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
  });
  const events = eventClient({ url, headers: { authorization } });
  const both = [followed(socket.iterate({ query: LIVE })), followed(events.iterate({ query: LIVE }))];
  await until(() => both.every(({ made }) => made.length === 1), "the first results");
  const found = (await change(FIELDS, {})) as { customers: { nodes: { id: string }[] } };
  const customer = found.customers.nodes[3]?.id;
  await change(RENAME, { input: { customer, name: "zz, the last by name" } });
  await until(() => both.every(({ made }) => made.length === 2), "the renamed");
  await change(CREATE, { input: { name: "aa, a new one" } });
  await until(() => both.every(({ made }) => made.length === 3), "the new one");
  const fresh = JSON.stringify(await change(FIELDS, {}));
  tell({
    same: both.map(({ made }) => JSON.stringify(made.at(-1)?.data) === fresh),
    revisions: both.map(({ sent }) => sent.map(({ revision }) => revision)),
    wholes: both.map(({ sent }) => sent.map(({ data }) => data !== undefined)),
    steps: both.map(({ sent }) => sent.map(({ patch }) => (patch ?? []).map((step) => (step as { op: string }).op))),
  });
}

void main();
