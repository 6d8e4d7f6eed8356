/** The operations that our own pages send, as JSON: what their upper-case constants hold, put together as there. */
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const { onEach } = await import(pathToFileURL(`${folder}/graph.js`).href);

async function operations(page) {
  const source = await readFile(`${folder}/${page}`, "utf8");
  const constants = source.match(/^const [A-Z_]+ =[\s\S]*?;(?= *(\/\/.*)?$)/gm);
  const names = constants.map((text) => text.match(/[A-Z_]+/)[0]);
  const read = new Function("onEach", `${constants.join("\n")}\nreturn [${names}];`);
  return read(onEach).filter((value) => /^(query|mutation|subscription) /.test(value));
}

const pages = ["board.js", "track.js"];
const found = await Promise.all(pages.map(async (page) => [page, await operations(page)]));
console.log(JSON.stringify(Object.fromEntries(found)));
