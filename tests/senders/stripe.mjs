// Posts a body signed by Stripe's own library, and prints the status and body of the response.
// usage: node stripe.mjs URL SECRET AGE BODY   AGE: the age of the signature in seconds
import Stripe from "stripe";

const [url, secret, age, body] = process.argv.slice(2);
const timestamp = Math.floor(Date.now() / 1000) - Number(age);
const signature = new Stripe("sk_test_unused").webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
const answer = await fetch(url, {
  method: "POST",
  body,
  headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": signature },
});
console.log(answer.status, await answer.text());
