// PostGraphile 5 over the same database, role and policies; copied beside the packages that npm has installed.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [file, port] = process.argv.slice(2);
const required = createRequire(import.meta.url);
const { postgraphile } = required("postgraphile");
const { PostGraphileAmberPreset: preset } = required("postgraphile/presets/amber");
const { makePgService } = required("postgraphile/adaptors/pg");
const { grafserv } = required("postgraphile/grafserv/node");
const pg = required("pg");
const plan = JSON.parse(readFileSync(file, "utf8"));

const pool = new pg.Pool({ ...plan.connection, max: 10, options: "-c timezone=UTC -c jit=off" });
const instance = postgraphile({
  extends: [preset],
  pgServices: [makePgService({ pool, schemas: ["public", "bench"] })],
  grafserv: { graphiql: false, watch: false },
  grafast: {
    // As its documentation has it: the viewer's settings go with each request's transaction.
    context: (request) => ({ pgSettings: plan.viewers[request.node.req.headers.authorization] }),
    explain: false,
  },
});
const server = createServer();
server.on("error", (error) => console.error(error));
const served = instance.createServ(grafserv);
await served.addTo(server);
server.listen(Number(port), "127.0.0.1");
