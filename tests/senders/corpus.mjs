// Posts every payload that GitHub documents, signed by Octokit's own signer.
// usage: node corpus.mjs URL SECRET   prints one line for each response: status, event type, number of the payload, body
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";

const [url, secret] = process.argv.slice(2);
const examples = createRequire(import.meta.url).resolve("@octokit/webhooks-examples/api.github.com/index.json");
for (const { name, examples: payloads } of JSON.parse(readFileSync(examples, "utf8"))) {
  for (const [number, payload] of payloads.entries()) {
    const body = JSON.stringify(payload);
    const answer = await fetch(url, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        "x-github-event": name,
        "x-github-delivery": randomUUID(),
        "x-hub-signature-256": await sign(secret, body),
      },
    });
    console.log(answer.status, name, number, await answer.text());
  }
}
