// A centre as another author's SOAP stack (npm "soap") serves it. It knows the simulated centre by that one's WSDL only, and
// is known by a WSDL of other conventions: every message goes through npm soap's server and through its client.
//
//   node server.mjs KIND WSDL BEHIND
//     KIND    process | strings | typed
//     WSDL    the contract that this server keeps
//     BEHIND  the simulated centre's address; its own contract is at BEHIND?wsdl
//
// Says "ready PORT" on its output once it listens on 127.0.0.1.

import fs from "node:fs";
import http from "node:http";
import soap from "soap";

const [kind, contract, behind] = process.argv.slice(2);
const xml = fs.readFileSync(contract, "utf8");
const client = await soap.createClientAsync(`${behind}?wsdl`, { endpoint: behind });

// What cannot be had behind is a Fault here: never an answer of our own making.
async function ask(operation, args) {
  try {
    return (await client[`${operation}Async`](args))[0];
  } catch (error) {
    throw { Fault: { faultcode: "soap:Server", faultstring: "the centre behind did not answer", statusCode: 500 } };
  }
}

const text = (value) => (value && typeof value === "object" ? value.$value ?? "" : value ?? "");

const HANDLERS = {
  process: (args) => ask("process", { xml: text(args.arg0) }).then((answer) => ({ return: text(answer.return) })),
  strings: (args) =>
    ask("BUSINESS_HANDLE", { inputData: text(args.inputStr) }).then((answer) => ({
      BUSINESS_HANDLEResult: text(answer.outputData),
    })),
};

// Every operation of the contract, by its own name; of the typed one the code at its end is the transaction.
function portOf(names) {
  const port = {};
  for (const name of names) {
    const code = name.replace(/^\D+/, "");
    port[name] = kind === "typed" ? (args) => ask(`call${code}`, args) : HANDLERS[kind];
  }
  return port;
}

const names = [...xml.matchAll(/<(?:\w+:)?operation name="([^"]+)"/g)].map((found) => found[1]);
const service = /<(?:\w+:)?service name="([^"]+)"/.exec(xml)[1];
const port = /<(?:\w+:)?port name="([^"]+)"/.exec(xml)[1];
const site = http.createServer((request, response) => response.writeHead(404).end());
site.listen(0, "127.0.0.1", () => {
  soap.listen(site, { path: "/foreign", services: { [service]: { [port]: portOf(new Set(names)) } }, xml });
  process.stdout.write(`ready ${site.address().port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
