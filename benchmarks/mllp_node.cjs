// node mllp_node.cjs PORT, with NODE_PATH where @medplum/hl7 lies: that library's server, its parser and its own ACK.
const { Hl7Server } = require('@medplum/hl7');

const server = new Hl7Server((connection) => {
  connection.addEventListener('message', (event) => connection.send(event.message.buildAck()));
});
Promise.resolve(server.start(Number(process.argv[2]))).then(() => console.log('ready'));
