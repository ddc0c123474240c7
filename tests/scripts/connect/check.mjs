// Calls a running tandem-server with Connect's own clients. The descriptors come from the build, as a FileDescriptorSet:
//   node check.mjs <server URL> <descriptors file> <page origin>
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { createFileRegistry, createRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";

const [baseUrl, descriptors, origin] = process.argv.slice(2);
const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const service = files.getService("tandem.v1.TrackingService");
const badRequest = files.getMessage("google.rpc.BadRequest");
assert.ok(service && badRequest, "the descriptors lack a service or google.rpc");

const transports = {
  "connect-node, HTTP/1.1": node.createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "connect-node, HTTP/2": node.createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
  "connect-web": web.createConnectTransport({ baseUrl, useBinaryFormat: false }),
};

/** The error that a call ends with. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call was accepted");
}

for (const [name, transport] of Object.entries(transports)) {
  const client = createClient(service, transport);
  const headers = { origin };
  const person = { email: `asha.${crypto.randomUUID()}@example.com`, firstName: "Asha" };
  const value = { amount: "1499.00", currencyCode: "INR" };
  const consent = { ads: 1 };

  const id = crypto.randomUUID();
  const lead = await client.captureLead({ user: person, customData: { value }, consent, clientEventId: id }, { headers });
  assert.equal(lead.eventId, id, name);
  assert.equal(lead.browserEvent.customData.value.amount, "1499.00", name);
  const again = await client.captureLead({ user: person, customData: { value }, consent, clientEventId: id }, { headers });
  assert.equal(again.duplicate, true, name);

  const event = await client.trackEvent({ eventName: "AddToCart", user: person, customData: { numItems: 2 } }, { headers });
  assert.equal(event.browserEvent.eventName, "AddToCart", name);

  const orderId = `connect-${crypto.randomUUID()}`;
  const purchase = await client.recordPurchase({ orderId }, { headers, timeoutMs: 700 });
  assert.equal(purchase.eventId, `purchase_${orderId}`, name);
  assert.equal(purchase.state, 1, `${name}: pending`);

  const wrong = await refused(client.captureLead({ user: { email: "asha" }, clientEventId: "no-uuid" }, { headers }));
  assert.equal(wrong.code, Code.InvalidArgument, name);
  const [details] = wrong.findDetails(createRegistry(badRequest));
  const fields = details.fieldViolations.map((violation) => [violation.field, violation.reason]);
  assert.deepEqual(fields, [["user.email", "EMAIL_MALFORMED"], ["client_event_id", "NOT_UUID"]], name);

  const late = await refused(client.recordPurchase({ orderId: `late-${orderId}` }, { headers, timeoutMs: 1 }));
  assert.equal(late.code, Code.DeadlineExceeded, name);

  const stranger = await refused(client.verifyWebhook({ provider: 1 }, { headers }));
  assert.equal(stranger.code, Code.Unauthenticated, name);
  console.log(`ok: ${name}`);
}
process.exit(0);
