// Checks a running Tandem against Cashfree's own Node SDK (cashfree-pg). The gateway must accept a
// webhook that the SDK signed and accepts, and refuse the same bytes with one changed. The Purchase
// at the fake Graph API must have the signals of the claiming browser.
//
// node check.cjs [--gateway URL] [--server URL] [--sandbox URL] [--secret S] [--address IP]

"use strict";

const assert = require("node:assert/strict");
const crypto = require("crypto");
const { parseArgs } = require("node:util");
const { Cashfree, CFEnvironment } = require("cashfree-pg");

const { values: options } = parseArgs({
  options: {
    gateway: { type: "string", default: "http://127.0.0.1:8080" },
    server: { type: "string", default: "http://127.0.0.1:50051" },
    sandbox: { type: "string", default: "http://127.0.0.1:8090" },
    secret: { type: "string", default: "cfsk_ma_test_sandbox_secret" },
    // The server uses it only if it trusts the caller as a proxy.
    address: { type: "string" },
  },
});

// The last argument switches the SDK's error reports to a third party off.
const sdk = new Cashfree(CFEnvironment.SANDBOX, "TEST_sandbox_client", options.secret, "", "", "", false);

/** The signature of these bytes as the SDK's own code computes it. The SDK signs only to
 *  compare, so this reads the digest that the SDK gets from `crypto`. */
function signedBySdk(body, timestamp) {
  const original = crypto.createHmac;
  let digest;
  crypto.createHmac = (...key) => {
    const mac = original(...key);
    const finish = mac.digest.bind(mac);
    mac.digest = (encoding) => (digest = finish(encoding));
    return mac;
  };
  try {
    assert.throws(() => sdk.PGVerifyWebhookSignature("", body, timestamp), /did not match/);
  } finally {
    crypto.createHmac = original;
  }
  assert.match(digest, /^[A-Za-z0-9+/]{43}=$/);
  return digest;
}

function paymentWebhook(orderId) {
  const time = new Date(Date.now() + 19_800_000).toISOString().slice(0, 19) + "+05:30";
  // The text keeps trailing zeros, because re-serialised JSON would have another signature.
  return (
    `{"data":{"order":{"order_id":"${orderId}","order_amount":1499.00,"order_currency":"INR","order_tags":null},` +
    `"payment":{"cf_payment_id":"${Date.now()}","payment_status":"SUCCESS","payment_amount":1399.50,` +
    `"payment_currency":"INR","payment_message":"00::ok","payment_time":"${time}","bank_reference":"NA",` +
    `"auth_id":null,"payment_group":"upi"},"customer_details":{"customer_name":"Asha Rao","customer_id":null,` +
    `"customer_email":"asha@example.com","customer_phone":"9000012345"}},"event_time":"${time}",` +
    `"type":"PAYMENT_SUCCESS_WEBHOOK"}`
  );
}

async function post(body, signature, timestamp) {
  const response = await fetch(`${options.gateway}/webhooks/cashfree`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-webhook-signature": signature,
      "x-webhook-timestamp": timestamp,
      "x-webhook-version": "2025-01-01",
    },
    body,
  });
  await response.text();
  return response.status;
}

/** A length-delimited protobuf field. */
function field(number, value) {
  const bytes = Buffer.from(value);
  assert(bytes.length < 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** A page's claim that an order was placed: RecordPurchase over gRPC-web. */
async function claim(orderId, visitor) {
  const browser = Buffer.concat([field(1, visitor.fbp), field(2, visitor.fbc), field(4, `${options.sandbox}/shop/`)]);
  const message = Buffer.concat([field(1, orderId), field(3, browser)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const headers = {
    "content-type": "application/grpc-web+proto",
    "x-grpc-web": "1",
    "user-agent": visitor.userAgent,
    // The deadline is short, because the claim need not wait for the payment.
    "grpc-timeout": "800m",
  };
  if (options.address) headers["x-forwarded-for"] = options.address;
  const path = "/tandem.v1.TrackingService/RecordPurchase";
  const response = await fetch(options.server + path, { method: "POST", headers, body: Buffer.concat([head, message]) });
  const answer = Buffer.from(await response.arrayBuffer()).toString("latin1") + (response.headers.get("grpc-status") ?? "");
  assert.match(answer, /grpc-status: ?0|^0$/i, "the claim must be accepted");
}

async function purchaseAtGraph(eventId) {
  const url = `${options.sandbox}/control/graph/events?event_name=Purchase&event_id=${eventId}`;
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const rows = await (await fetch(url)).json();
    if (rows.length > 0) return rows;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${eventId} did not reach the fake Graph API`);
}

const first = (value) => (Array.isArray(value) ? value[0] : value);

async function main() {
  const orderId = `SDK-${Date.now()}`;
  const visitor = {
    fbp: `fb.1.${Date.now()}.1234567890`,
    fbc: `fb.1.${Date.now()}.IwAR-From_The-Sdk`,
    userAgent: "Mozilla/5.0 (SDK check)",
  };
  await claim(orderId, visitor);

  const [body, timestamp] = [paymentWebhook(orderId), String(Date.now())];
  const signature = signedBySdk(body, timestamp);
  assert.equal(sdk.PGVerifyWebhookSignature(signature, body, timestamp).type, "PAYMENT_SUCCESS_WEBHOOK");
  console.log("the SDK accepts its signature     yes");

  const changed = body.replace("1399.50", "1399.51");
  assert.throws(() => sdk.PGVerifyWebhookSignature(signature, changed, timestamp));
  const [refused, accepted] = [await post(changed, signature, timestamp), await post(body, signature, timestamp)];
  console.log(`the gateway on one byte changed   ${refused}`);
  console.log(`the gateway on the signed bytes   ${accepted}`);
  assert.deepEqual([refused, accepted], [401, 200]);

  const rows = await purchaseAtGraph(`purchase_${orderId}`);
  assert.equal(rows.length, 1);
  const { event } = rows[0];
  console.log(JSON.stringify({ event_id: event.event_id, custom_data: event.custom_data, user_data: event.user_data }, null, 2));
  assert.equal(event.custom_data.value, 1399.5);
  assert.equal(event.custom_data.currency, "INR");
  assert.equal(first(event.user_data.fbp), visitor.fbp);
  assert.equal(first(event.user_data.fbc), visitor.fbc);
  assert.equal(event.user_data.client_user_agent, visitor.userAgent);
  if (options.address) assert.equal(event.user_data.client_ip_address, options.address);
  console.log("the Purchase is as it should be");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
