/** urql with subscriptions as server-sent events: no socket, nothing but `fetch`. */
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { tell, token, url } from "../said";
import { follow } from "./program";
import schema from "./schema";

function urqlByEvents(): Client {
  return new Client({
    url,
    preferGetMethod: false,
    fetchSubscriptions: true,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [cacheExchange({ schema, keys: { PlannedTime: () => null } }), fetchExchange],
  });
}

async function main(): Promise<void> {
  tell({ followed: await follow(urqlByEvents(), urqlByEvents()) });
}

void main();
