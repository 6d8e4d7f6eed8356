import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { createClient } from "graphql-ws";
import schema from "./schema";

export function urql(url: string, token: string): Client {
  const authorization = `Bearer ${token}`;
  const socket = createClient({ url: url.replace(/^http/, "ws"), connectionParams: { authorization } });
  const values = ["PageInfo", "Viewer", "ArrivalWindow", "PlannedTime", "Money"]; // these have no id
  return new Client({
    url,
    preferGetMethod: false, // GET is for trusted documents only
    fetchOptions: { headers: { authorization } },
    exchanges: [
      cacheExchange({
        schema, // by which it knows the members of unions
        keys: Object.fromEntries(values.map((kind) => [kind, () => null])),
        resolvers: { Query: { customers: relayPagination(), visits: relayPagination() } },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = "", variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });
}
