// A HL7 client of other authors (npm @medplum/hl7) that talks to our door: node hl7_client.mjs PORT < cases.json > replies.json
// A case is {text, encoding, wait: "first" | "application"}; a reply is the text of the answer that the client took for it, or
// {error}. Cases of one encoding share a connection, as a HIS would keep it.
import { Hl7Message } from '@medplum/core';
import { Hl7Client, ReturnAckCategory } from '@medplum/hl7';
import { readFileSync } from 'node:fs';

const port = Number(process.argv[2]);
const cases = JSON.parse(readFileSync(0, 'utf8'));
const waits = { first: ReturnAckCategory.FIRST, application: ReturnAckCategory.APPLICATION };
const clients = new Map();
const replies = [];
for (const one of cases) {
  if (!clients.has(one.encoding)) {
    clients.set(one.encoding, new Hl7Client({ host: '127.0.0.1', port, encoding: one.encoding, keepAlive: true }));
  }
  try {
    const options = { timeoutMs: 15000, returnAck: waits[one.wait] };
    const reply = await clients.get(one.encoding).sendAndWait(Hl7Message.parse(one.text), options);
    replies.push(reply.toString());
  } catch (error) {
    replies.push({ error: String(error) });
  }
}
for (const client of clients.values()) {
  await client.close();
}
process.stdout.write(JSON.stringify(replies));
process.exit(0);
