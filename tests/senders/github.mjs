// Posts GitHub's documented payloads of one event, signed by Octokit's own signer.
// usage: node github.mjs URL SECRET EVENT COUNT   prints one line for each response: status, delivery id, body
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";

const [url, secret, event, count] = process.argv.slice(2);
const examples = createRequire(import.meta.url).resolve("@octokit/webhooks-examples/api.github.com/index.json");
const found = JSON.parse(readFileSync(examples, "utf8")).find((entry) => entry.name === event);
for (let index = 0; index < Number(count); index++) {
  const body = JSON.stringify(found.examples[index % found.examples.length]);
  const delivery = randomUUID();
  const answer = await fetch(url, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": delivery,
      "x-hub-signature-256": await sign(secret, body),
    },
  });
  console.log(answer.status, delivery, await answer.text());
}
