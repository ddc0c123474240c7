// A Shopify custom pixel: the browser's copy of a Purchase. Its Event ID is the one that Tandem's server gives the order.
(function (fbq) {
  if (window.fbq) return;
  window.fbq = window._fbq = fbq = function () { fbq.callMethod ? fbq.callMethod.apply(fbq, arguments) : fbq.queue.push(arguments); };
  Object.assign(fbq, { push: fbq, loaded: true, version: "2.0", queue: [], disablePushState: true });
  const script = document.createElement("script");
  script.src = "https://connect.facebook.net/en_US/fbevents.js";
  document.head.append(script);
})();
fbq("init", "123456789012345");

// Orders with one of these are not paid yet when they are placed.
const PAID_LATER = ["deferred", "manualPayment", "paymentOnDelivery"];

analytics.subscribe("checkout_completed", (event) => {
  const { order, transactions = [], lineItems = [], totalPrice } = event.data.checkout;
  if (!order?.id || transactions.some(({ paymentMethod }) => PAID_LATER.includes(paymentMethod?.type))) return;
  // The API may give "gid://shopify/Order/123" or "123". Shopify's webhook has the number.
  const id = String(order.id).split("/").pop();
  fbq("track", "Purchase", {
    value: totalPrice.amount,
    currency: totalPrice.currencyCode,
    content_type: "product",
    content_ids: lineItems.map(({ variant }) => String(variant?.id).split("/").pop()),
  }, { eventID: `purchase_${id}` });
});
