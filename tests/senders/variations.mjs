// Varies GitHub's payloads as its JSON Schemas allow: without optional fields, with null where it is allowed, with empty
// lists and texts, with other values of an enumeration. One change at a time, and several at once. Varies only fields
// that the kind's files name.
// usage: node variations.mjs FOLDER SEED   FOLDER: templates/github; SEED: a number; the output depends only on it
// prints one line for each variation, separated by tabs: event type, the change, payload
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const [folder, seed] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const schema = json(require.resolve("@octokit/webhooks-schemas/schema.json"));
const examples = json(require.resolve("@octokit/webhooks-examples/api.github.com/index.json"));

// Number of variations of a payload with several changes.
const MIXED = 2;
// Fields that people write; they can be empty.
const WRITTEN = new Set(["body", "description", "message", "dismissed_comment", "resolution_comment"]);
// Fields that payloads of every event have.
const COMMON = new Set(["repository", "sender", "organization", "installation", "enterprise"]);

const ajv = addFormats(new Ajv({ strict: false, allErrors: true, code: { optimize: false } }));
ajv.addSchema(schema, "github");
const wrong = (validate, payload) =>
  validate(payload)
    ? []
    : validate.errors.map(({ instancePath, schemaPath, params }) => `${instancePath} ${schemaPath} ${JSON.stringify(params)}`);
// Whether a variation of a payload is valid. The schemas are stricter than GitHub, and some are older than the payloads.
// Therefore a variation may violate a schema where the payload itself does.
function validity(event, payload) {
  const names = [`${event}$${payload.action}`, `${event}_event`, `${event}$event`];
  const name = names.find((name) => name in schema.definitions);
  if (!name) return () => false;
  const validate = ajv.getSchema(`github#/definitions/${name}`);
  const known = new Set(wrong(validate, payload));
  return (varied) => wrong(validate, varied).every((error) => known.has(error));
}

// The values of every enumeration of the schemas, by field name.
const words = new Map();
(function collect(node) {
  if (typeof node !== "object" || node === null) return;
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    for (const word of property.enum ?? []) {
      if (typeof word === "string") words.set(name, (words.get(name) ?? new Set()).add(word));
    }
  }
  Object.values(node).forEach(collect);
})(schema);

// Fields that the kind's files do not name, and events that the kind skips, do not change any message.
const files = readdirSync(folder).filter((name) => /\.(hbs|toml)$/.test(name));
const skipped = new Set(Array.from(readFileSync(join(folder, "source.toml"), "utf8").matchAll(/\{ type = "(\w+)"/g), ([, type]) => type));
const named = new Set(files.flatMap((name) => readFileSync(join(folder, name), "utf8").match(/[a-z_]+/gi)));

function* changes(value, path = []) {
  for (const [key, field] of Object.entries(value ?? {})) {
    const at = [...path, key];
    if (!Array.isArray(value) && !named.has(key)) continue;
    if (Array.isArray(value) && key !== "0") break;
    if (key !== "action" || path.length > 0) {
      yield { at, what: "without", to: undefined };
      if (field !== null) yield { at, what: "null", to: null };
      if (WRITTEN.has(key) && field !== "") yield { at, what: "empty", to: "" };
      if (Array.isArray(field) && field.length > 0) yield { at, what: "empty", to: [] };
      for (const word of typeof field === "string" && key !== "type" ? (words.get(key) ?? []) : []) {
        if (word !== field) yield { at, what: word, to: word };
      }
    }
    if (typeof field === "object") yield* changes(field, at);
  }
}
function changed(payload, list) {
  const copy = structuredClone(payload);
  for (const { at, to } of list) {
    const parent = at.slice(0, -1).reduce((node, key) => node?.[key], copy);
    if (typeof parent !== "object" || parent === null) continue; // another change removed it
    if (to !== undefined) parent[at.at(-1)] = to;
    else if (Array.isArray(parent)) parent.shift();
    else delete parent[at.at(-1)];
  }
  return copy;
}

let state = BigInt(seed);
function random(below) { // SplitMix64
  state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
  let z = state;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
  return Number((z ^ (z >> 31n)) % BigInt(below));
}

// Beside the samples is a list of their origins.
const sampleFiles = readdirSync(join(folder, "samples")).filter((name) => name.endsWith(".json"));
const samples = sampleFiles.map((name) => ({
  event: name.split(/__|\.json$/)[0],
  payload: json(join(folder, "samples", name)),
}));
const documented = examples.flatMap(({ name, examples }) => examples.map((payload) => ({ event: name, payload })));
const tried = new Map();
for (const { event, payload } of [...samples, ...documented].filter(({ event }) => !skipped.has(event))) {
  const isValid = validity(event, payload);
  const print = (list, varied) => {
    const what = list.map(({ at, what }) => `${at.join(".")} ${what}`).join(", ");
    console.log([event, `${payload.action ?? ""}: ${what}`, JSON.stringify(varied)].join("\t"));
  };
  const possible = [];
  for (const change of changes(payload)) {
    const sort = [event, COMMON.has(change.at[0]) ? "" : payload.action, ...change.at, change.what].join(" ");
    if (!tried.has(sort)) {
      const varied = changed(payload, [change]);
      tried.set(sort, isValid(varied));
      if (tried.get(sort)) print([change], varied);
    }
    if (tried.get(sort)) possible.push(change);
  }
  for (let number = 0; number < MIXED && possible.length > 1; number++) {
    const list = Array.from({ length: 2 + random(12) }, () => possible[random(possible.length)]);
    const varied = changed(payload, list);
    if (isValid(varied)) print(list, varied);
  }
}
