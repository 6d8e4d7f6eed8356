/** Apollo Client's normalized cache against the demo: pages, changes, guesses, streams and refusals. */
import { CombinedGraphQLErrors } from "@apollo/client";
import type { ApolloClient } from "@apollo/client";
import WebSocket from "ws";
import { makeFragmentData as made, useFragment as read } from "../gql/fragment-masking";
import { change, tell, token, until, url } from "../said";
import { apollo } from "./client";
import { AGAIN, CHANGES, CREATE, CUSTOMERS, CUSTOMER_LINE, RENAME, VISITS } from "./operations";

Object.assign(globalThis, { WebSocket });
const PAGE = 4;

/** Three pages are one list in the cache, as one page of three times the size is. */
async function pages(client: ApolloClient) {
  const watched = client.watchQuery({ query: CUSTOMERS, variables: { first: PAGE } });
  const sizes: number[] = [];
  watched.subscribe(({ dataState, data }) => {
    if (dataState === "complete") sizes.push(data.customers.edges.length);
  });
  const list = () => client.readQuery({ query: CUSTOMERS, variables: { first: PAGE } })?.customers;
  await until(() => list() !== undefined, "the first page");
  for (const page of [2, 3]) {
    await watched.fetchMore({ variables: { after: list()?.pageInfo.endCursor } });
    await until(() => sizes.at(-1) === page * PAGE, `page ${page}`);
  }
  const whole = await apollo(url, token).query({ query: CUSTOMERS, variables: { first: 3 * PAGE } });
  const ids = (of: ReturnType<typeof list>) => of?.edges.map(({ node }) => read(CUSTOMER_LINE, node).id) ?? [];
  return { sizes, same: String(ids(list())) === String(ids(whole.data?.customers)), ids: ids(list()) };
}

/** A rename is seen in the list at once as guessed, then as answered; nothing is fetched again. */
async function rename(client: ApolloClient, customer: string) {
  const seen: string[] = [];
  const first = () => {
    const line = client.readFragment({ id: `Customer:${customer}`, fragment: CUSTOMER_LINE, optimistic: true });
    return line ? `${line.name} v${line.version}` : "nothing";
  };
  const before = client.readFragment({ id: `Customer:${customer}`, fragment: CUSTOMER_LINE });
  if (!before) throw new Error("the list holds no such customer");
  const asked = client.mutate({
    mutation: RENAME,
    variables: { input: { customer, name: "Renamed", expectedVersion: before.version } },
    optimisticResponse: {
      updateCustomer: {
        __typename: "UpdateCustomerPayload",
        customer: { __typename: "Customer", ...made({ ...before, name: "Guessed" }, CUSTOMER_LINE) },
        userErrors: [],
      },
    },
  });
  seen.push(first());
  const { data } = await asked;
  seen.push(first());
  return { seen, version: before.version, userErrors: data?.updateCustomer.userErrors.length };
}

/** A stale version is answered as data, with the row as it is now, and the cache is right at once. */
async function conflict(client: ApolloClient, customer: string) {
  const { data, error } = await client.mutate({
    mutation: RENAME,
    variables: { input: { customer, name: "Too late", expectedVersion: 1 } },
  });
  const payload = data?.updateCustomer;
  return { error: error ?? null, codes: payload?.userErrors.map(({ code }) => code), path: payload?.userErrors[0]?.path };
}

/** What is made has a guessed id until the answer is there; then only the true one is left. */
async function create(client: ApolloClient) {
  const held = () => Object.keys(client.cache.extract(true) as object).filter((key) => key.startsWith("Customer:"));
  const before = held().length;
  const guess = { id: "guess", version: 1, name: "Made by a client", number: "?" };
  const asked = client.mutate({
    mutation: CREATE,
    variables: { input: { name: "Made by a client" } },
    optimisticResponse: {
      createCustomer: {
        __typename: "CreateCustomerPayload",
        customer: { __typename: "Customer", ...made(guess, CUSTOMER_LINE) },
        userErrors: [],
      },
    },
  });
  const during = held().filter((key) => key === "Customer:guess").length;
  const { data } = await asked;
  const answered = read(CUSTOMER_LINE, data?.createCustomer.customer);
  const again = await client.query({ query: AGAIN, variables: { id: answered?.id ?? "" }, fetchPolicy: "network-only" });
  return {
    during,
    guesses: held().filter((key) => key === "Customer:guess").length,
    more: held().length - before,
    kind: again.data?.node?.__typename,
    same: again.data?.node?.id === answered?.id,
  };
}

/** An item of the stream brings the visit as it is now: a list that shows it follows without a question. */
async function follow(client: ApolloClient) {
  const { data } = await client.query({ query: VISITS });
  const visit = data?.visits.edges[0]?.node;
  if (!visit) throw new Error("nothing is dispatched");
  const kinds: string[] = [];
  const stream = client.subscribe({ query: CHANGES }).subscribe(({ data: item, error }) => {
    kinds.push(item?.scheduleChanges?.__typename ?? String(error));
  });
  await until(() => kinds.length > 0, "the snapshot");
  await change("mutation Go($input: StartTravelInput!) { startTravel(input: $input) { userErrors { message } } }", {
    input: { visit: visit.id },
  });
  const state = () =>
    client.readQuery({ query: VISITS })?.visits.edges.find(({ node }) => node.id === visit.id)?.node.state;
  await until(() => state() !== visit.state, "the change");
  const went = state();
  await change("mutation Stop($input: StopTravelInput!) { stopTravel(input: $input) { userErrors { message } } }", {
    input: { visit: visit.id },
  });
  await until(() => state() === visit.state, "the way back");
  stream.unsubscribe();
  return { kinds, states: [visit.state, went, state()] };
}

/** Errors of the request come with their codes, whatever the status. */
async function refusals() {
  const codes = async (client: ApolloClient, id: string) => {
    const { error } = await client.query({ query: AGAIN, variables: { id }, errorPolicy: "all" });
    return CombinedGraphQLErrors.is(error) ? error.errors.map(({ extensions }) => extensions?.code) : String(error);
  };
  return {
    malformed: await codes(apollo(url, token), "nonsense"),
    unknown: await codes(apollo(url, "nobody"), "nonsense"),
  };
}

async function main(): Promise<void> {
  const client = apollo(url, token);
  const listed = await pages(client);
  const customer = listed.ids?.[0] ?? "";
  tell({
    pages: { sizes: listed.sizes, same: listed.same },
    rename: await rename(client, customer),
    conflict: await conflict(client, customer),
    create: await create(client),
    follow: await follow(client),
    refusals: await refusals(),
  });
}

void main();
