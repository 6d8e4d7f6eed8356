/** graphql-http's audits of a GraphQL-over-HTTP server, against ours, as somebody who is known. */
import { serverAudits } from "graphql-http";
import { tell, token, url } from "../said";

const fetchFn = (target: string, init: RequestInit = {}) =>
  fetch(target, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

async function main(): Promise<void> {
  const results = [];
  for (const audit of serverAudits({ url, fetchFn })) {
    const result = await audit.fn();
    const reason = result.status === "ok" ? null : result.reason;
    results.push({ id: result.id, name: result.name, status: result.status, reason });
  }
  tell({ results });
}

void main();
