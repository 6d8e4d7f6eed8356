/** A small client of the graph: questions over HTTP, streams over graphql-transport-ws. */

const ENDED_FOR_GOOD = new Set([4400, 4401, 4403, 4406, 4409]);
const FIRST_PAUSE = 500; // milliseconds
const LONGEST_PAUSE = 10_000;

/** What the API refused, as one sentence. */
export class Refused extends Error {}

/** The token: from the address once, then kept for this tab only. */
export function keptToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
}

/** The response to a request over HTTP, whatever it says. */
export function post(token, request) {
  return fetch("/graphql", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify(request),
  });
}

/** The data of an operation; throws Refused. */
export async function ask(token, query, variables = {}) {
  const content = await (await post(token, { query, variables })).json();
  if (content.errors?.length) throw new Refused(content.errors.map((error) => error.message).join(" "));
  return content.data;
}

/** The payload of a mutation document whose variable is `$input`; throws Refused on userErrors. */
export async function change(token, query, input) {
  const payload = Object.values(await ask(token, query, { input }))[0];
  if (payload.userErrors.length) {
    throw new Refused(payload.userErrors.map((error) => error.message).join(" "));
  }
  return payload;
}

/**
 * Follows a subscription of one field and goes on from its last cursor after every break.
 *
 * `onItem` gets each item. `onState` gets "live", "waiting" (between two connections) or "refused" with a
 * reason. Answers a function that ends it.
 */
export function follow({ token, query, variables = {}, onItem, onState = () => {} }) {
  let socket = null;
  let cursor = null;
  let pause = FIRST_PAUSE;
  let timer = 0;
  let over = false;

  function end() {
    over = true;
    clearTimeout(timer);
    socket?.close(1000);
  }

  function refuse(reason) {
    end();
    onState("refused", reason);
  }

  function take(item) {
    if (item.__typename === "ResyncRequired") {
      cursor = null;
    } else {
      cursor = item.__typename === "Lagged" ? item.resumeFrom : item.cursor;
    }
    onItem(item);
    if (item.__typename === "ResyncRequired") socket?.close(1000);
  }

  function hear({ data }) {
    const message = JSON.parse(data);
    if (message.type === "connection_ack") {
      pause = FIRST_PAUSE;
      onState("live");
      const payload = { query, variables: { ...variables, after: cursor } };
      socket.send(JSON.stringify({ id: "1", type: "subscribe", payload }));
    } else if (message.type === "ping") {
      socket.send(JSON.stringify({ type: "pong" }));
    } else if (message.type === "next") {
      if (message.payload.errors?.length) refuse(message.payload.errors[0].message);
      else take(Object.values(message.payload.data)[0]);
    } else if (message.type === "error") {
      const error = message.payload[0];
      if (error.extensions?.code === "RESYNC_REQUIRED") {
        take({ __typename: "ResyncRequired" });
      } else {
        refuse(error.message);
      }
    } else if (message.type === "complete") {
      end();
    }
  }

  function connect() {
    socket = dial(token);
    socket.onmessage = hear;
    socket.onclose = ({ code, reason }) => {
      if (over) return;
      if (ENDED_FOR_GOOD.has(code)) {
        refuse(reason || "The token is not good any more.");
        return;
      }
      onState("waiting");
      timer = setTimeout(connect, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    };
  }

  connect();
  return end;
}

/**
 * Runs one operation over a socket of its own, once: `onResult` gets each result, `onEnd` a reason or nothing.
 * Answers a function that ends it.
 */
export function listen({ token, request, onResult, onEnd }) {
  const socket = dial(token);
  let over = false;

  function end(reason) {
    if (over) return;
    over = true;
    socket.close(1000);
    onEnd(reason);
  }

  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "connection_ack") {
      socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: request }));
    } else if (message.type === "ping") {
      socket.send(JSON.stringify({ type: "pong" }));
    } else if (message.type === "next") {
      onResult(message.payload);
    } else if (message.type === "error") {
      end(message.payload.map((error) => error.message).join(" "));
    } else if (message.type === "complete") {
      end();
    }
  };
  socket.onclose = ({ code, reason }) => end(`${reason || "the line was cut"} (${code})`);
  return () => {
    over = true;
    socket.close(1000);
  };
}

/** A socket that greets the API as soon as it is open. */
function dial(token) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/graphql`, "graphql-transport-ws");
  socket.onopen = () => {
    const payload = { authorization: `Bearer ${token}` };
    socket.send(JSON.stringify({ type: "connection_init", payload }));
  };
  return socket;
}

/** The same selection on several types of a union. */
export function onEach(types, selection) {
  return types.map((type) => `... on ${type} { ${selection} }`).join("\n");
}
