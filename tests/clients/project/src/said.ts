/** What a program of these tests is told, and how it tells what it saw. */

export const url = required("GRAPH_URL");
export const token = required("GRAPH_TOKEN");

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

/** The last thing a program does: its sockets may be open still. */
export function tell(facts: Record<string, unknown>): never {
  process.stdout.write(`${JSON.stringify(facts)}\n`, () => process.exit(0));
  return undefined as never;
}

/** Somebody else's change, sent without any client's cache. */
export async function change(query: string, variables: object): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = (await answer.json()) as { data?: Record<string, unknown>; errors?: unknown };
  const refused = Object.values(data ?? {}).some((field) => (field as { userErrors?: unknown[] }).userErrors?.length);
  if (errors || !data || refused) throw new Error(JSON.stringify(errors ?? data));
  return data;
}

/** Waits until it holds; the event loop goes on meanwhile. */
export async function until(holds: () => boolean, what: string, milliseconds = 20_000): Promise<void> {
  const last = Date.now() + milliseconds;
  while (!holds()) {
    if (Date.now() > last) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
