/** The real graphql-ws client on our WebSocket door: what it does by itself, and how each close code reaches it. */
import { createClient } from "graphql-ws";
import type { Client, ClientOptions, SubscribePayload } from "graphql-ws";
import WebSocket from "ws";
import { change, tell, token, until, url } from "../said";

const HEAD = "query Head { __typename }";
const CHANGES = "subscription Changes { scheduleChanges { __typename ... on ScheduleSnapshot { cursor } } }";
const RENAME =
  "mutation Rename($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { name } userErrors { code } } }";

function client(options: Partial<ClientOptions> = {}): Client {
  const authorization = `Bearer ${token}`;
  const target = url.replace(/^http/, "ws");
  return createClient({ url: target, webSocketImpl: WebSocket, connectionParams: { authorization }, ...options });
}

/** All results of one operation, or the reason why there are none. */
async function all(of: Client, payload: SubscribePayload): Promise<unknown> {
  const results: unknown[] = [];
  try {
    for await (const result of of.iterate(payload)) results.push(result);
  } catch (reason) {
    return reason;
  }
  return results;
}

/** Queries, a mutation, a subscription and a wrong document, all at once on one socket. */
async function together() {
  let sockets = 0;
  let pongs = 0;
  const one = client({ keepAlive: 50, on: { connected: () => (sockets += 1), pong: () => (pongs += 1) } });
  const items: string[] = [];
  let ended = false;
  const stop = one.subscribe<{ scheduleChanges: { __typename: string } }>(
    { query: CHANGES },
    {
      next: ({ data }) => items.push(data?.scheduleChanges.__typename ?? "nothing"),
      error: (reason) => items.push(JSON.stringify(reason)),
      complete: () => (ended = true),
    },
  );
  await until(() => items.length > 0, "the snapshot");
  const found = (await change("{ customers(last: 1) { nodes { id } } }", {})) as never;
  const customer = (found as { customers: { nodes: [{ id: string }] } }).customers.nodes[0].id;
  const wrong = all(one, { query: "query Wrong { nowhere }" });
  const syntax = all(one, { query: "query {" });
  const many = Promise.all(Array.from({ length: 20 }, () => all(one, { query: HEAD })));
  const renamed = all(one, { query: RENAME, variables: { input: { customer, name: "By socket" } } });
  const codes = (reason: unknown) =>
    (reason as { extensions?: { code?: string } }[]).map(({ extensions }) => extensions?.code);
  const facts = {
    wrong: codes(await wrong),
    syntax: codes(await syntax),
    heads: new Set((await many).map((result) => JSON.stringify(result))).size,
    head: (await many)[0],
    renamed: await renamed,
  };
  await until(() => pongs > 1, "pongs");
  const live = !ended;
  stop();
  await until(() => ended, "the end");
  return { ...facts, items, live, ended, sockets };
}

/** The code with which the server closed, as the client hears it, and whether the client gives up by itself. */
async function closed(options: Partial<ClientOptions>, spoil?: (socket: WebSocket) => void) {
  const codes: number[] = [];
  let attempts = 0;
  const one = client({
    retryAttempts: 1,
    retryWait: async () => undefined,
    ...options,
    on: {
      connecting: () => (attempts += 1),
      connected: (socket) => spoil?.(socket as WebSocket),
      closed: (event) => codes.push((event as CloseEvent).code),
    },
  });
  const reason = await all(one, { query: CHANGES });
  return { code: codes[0], attempts, fatal: (reason as CloseEvent).code };
}

/** A connection that breaks: what happened meanwhile is told after it, each fact once, no snapshot again. */
async function resumed() {
  const items: { __typename: string; cursor: string }[] = [];
  let socket: WebSocket | undefined;
  let meanwhile = 0;
  const one = client({
    retryWait: async () => {
      const found = (await change("{ visits(first: 1, where: { state: { eq: DISPATCHED } }) { nodes { id } } }", {})) as never;
      const { visits } = found as { visits: { nodes: [{ id: string }] } };
      const input = { visit: visits.nodes[0].id };
      await change("mutation G($input: StartTravelInput!) { startTravel(input: $input) { userErrors { code } } }", { input });
      await change("mutation S($input: StopTravelInput!) { stopTravel(input: $input) { userErrors { code } } }", { input });
      meanwhile += 1;
    },
    on: { connected: (opened) => (socket = opened as WebSocket) },
  });
  const payload = {
    query: `subscription Changes($after: Cursor) { scheduleChanges(after: $after) {
      __typename ... on ScheduleSnapshot { cursor } ... on VisitProgressed { cursor } } }`,
    // Read anew at each connection, so that the stream goes on where it stopped.
    get variables() {
      return { after: items.at(-1)?.cursor ?? null };
    },
  };
  const stop = one.subscribe<{ scheduleChanges: { __typename: string; cursor: string } }>(payload, {
    next: ({ data }) => void (data && items.push(data.scheduleChanges)),
    error: (reason) => items.push({ __typename: JSON.stringify(reason), cursor: "" }),
    complete: () => undefined,
  });
  await until(() => items.length === 1, "the snapshot");
  socket?.terminate();
  await until(() => items.length >= 3, "what happened meanwhile");
  stop();
  return { kinds: items.map(({ __typename }) => __typename), meanwhile };
}

const subscribe = JSON.stringify({ id: "same", type: "subscribe", payload: { query: CHANGES } });

/** Names no protocol, as a client that was written by hand may. */
class Wordless extends WebSocket {
  constructor(address: string) {
    super(address);
  }
}

/** Asks before it has greeted, which the client itself never does. */
async function early(): Promise<number> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), "graphql-transport-ws");
  socket.on("open", () => socket.send(subscribe));
  return new Promise((resolve) => socket.on("close", resolve));
}

async function main(): Promise<void> {
  const speak = (...messages: string[]) => (socket: WebSocket) => messages.forEach((text) => socket.send(text));
  const codes = Object.fromEntries(
    await Promise.all(
      Object.entries({
        garbage: closed({}, speak("no JSON")),
        unknown: closed({}, speak('{"type":"dance"}')),
        stranger: closed({ connectionParams: { authorization: "Bearer nobody" } }),
        nobody: closed({ connectionParams: {} }),
        silent: closed({ connectionParams: () => new Promise(() => undefined) }),
        twins: closed({}, speak(subscribe, subscribe)),
        wordless: closed({ webSocketImpl: Wordless }),
        again: closed({}, speak('{"type":"connection_init"}')),
      }).map(async ([name, result]) => [name, await result] as const),
    ),
  );
  tell({ together: await together(), resumed: await resumed(), codes, early: await early() });
}

void main();
