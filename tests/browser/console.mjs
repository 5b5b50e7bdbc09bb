// A person at the console, in Chromium: finds a failed message, mends it, edits a template, by mouse, by keyboard, on a phone, and
// without JavaScript. Every page is examined by axe, at two widths and in both colour schemes.
// usage: node console.mjs CHROMIUM OPERATOR_URL TOKEN PICTURES
// Prints `mend` when the cause of the failure is to be removed, and waits for a line of its input.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const [chromium, operator, token, pictures] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const input = createInterface({ input: process.stdin });
const answers = input[Symbol.asyncIterator]();
mkdirSync(pictures, { recursive: true });

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
});

// A page in a session of its own. What the browser complains about is an error of the test.
async function opened(options = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type()) && !/status of 40[0-9]/.test(message.text())) {
      page.complaints.push(message.text());
    }
  });
  await page.setJavaScriptEnabled(options.javascript ?? true);
  await page.setViewport(options.viewport ?? DESKTOP);
  return page;
}

const text = (page, selector) => page.$eval(selector, (element) => element.innerText);
const path = (page) => page.url().slice(operator.length);

// Does what leads to another page, and waits for that page.
async function leads(page, action) {
  await Promise.all([page.waitForNavigation(), action()]);
}

// The element that has this text.
async function labelled(page, selector, label) {
  for (const element of await page.$$(selector)) {
    if ((await element.evaluate((of) => of.textContent.trim())) === label) {
      return element;
    }
  }
  throw new Error(`no ${selector} with the text ${label} at ${page.url()}`);
}

async function logIn(page, next) {
  await page.goto(operator + next);
  assert.match(await text(page, "h1"), /twake-bridge/);
  await page.type("#token", token);
  await leads(page, () => page.keyboard.press("Enter"));
  assert.equal(path(page), next);
}

// From the list to the cause of a dead letter.
async function findDeadLetter(page) {
  await logIn(page, "/console/events");
  await page.keyboard.press("/");
  await page.keyboard.type("pump");
  let loaded = 0;
  page.on("request", (request) => (loaded += request.isNavigationRequest() && request.url().endsWith("?text=pump")));
  await leads(page, () => page.keyboard.press("Enter"));
  assert.equal(path(page), "/console/events?text=pump");
  assert.equal(loaded, 1);
  const link = await page.$("a.event ::-p-text(Mend the pump)");
  await leads(page, () => link.click());
  assert.match(await text(page, ".delivery.dead .cause"), /too_large/);
  assert.match(await text(page, ".delivery.dead .todo"), /What to do/);
}

async function mendAndReplay(page) {
  console.log("mend");
  await answers.next();
  const button = await labelled(page, "button", "Put back into the queue");
  await leads(page, () => button.click());
  assert.match(await text(page, ".notice"), /1 message put back/);
  await page.waitForSelector(".delivery.delivered");
}

async function editTemplate(page) {
  const event = path(page);
  await leads(page, () => page.click('a[href^="/console/templates?event="]'));
  const original = await page.$eval("#text", (area) => area.value);
  await page.focus("#text");
  await page.keyboard.down("Control");
  await page.keyboard.press("a");
  await page.keyboard.up("Control");
  await page.keyboard.type("Edited for **{{actor}}**");
  await page.waitForFunction(() => document.querySelector("#result .message")?.innerText.startsWith("Edited for"));
  await page.keyboard.type(" {{brnach}}");
  await page.waitForSelector("#result .findings");
  assert.match(await text(page, "#result .findings"), /did you mean `branch`/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  // Leaving asks, because nothing is saved.
  page.once("dialog", (dialog) => dialog.accept());
  await page.reload();
  assert.equal(await page.$eval("#text", (area) => area.value), original);
  await page.goto(operator + event);
}

// What has the focus: whether it can be seen, and which element it is.
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const box = element.getBoundingClientRect();
    const inView = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.left >= 0;
    const outlined = getComputedStyle(element).outlineStyle !== "none";
    return { seen: inView && outlined, name: element.className || element.tagName, href: element.getAttribute("href") };
  });

async function tabTo(page, isIt) {
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press("Tab");
    const at = await focused(page);
    assert.ok(at.seen, `the focus is not visible at ${at.name} ${at.href}`);
    if (isIt(at)) {
      return;
    }
  }
  assert.fail("the keyboard does not reach it");
}

async function byKeyboard(page) {
  await page.goto(operator + "/console/events");
  await tabTo(page, (at) => at.name === "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await tabTo(page, (at) => at.name === "event");
  await leads(page, () => page.keyboard.press("Enter"));
  await tabTo(page, (at) => at.href?.startsWith("/console/templates?event="));
  await leads(page, () => page.keyboard.press("Enter"));
  await tabTo(page, (at) => at.name === "TEXTAREA");
  await tabTo(page, (at) => at.name === "primary");
  await leads(page, () => page.keyboard.press("Enter"));
  assert.ok(await page.$("#result .message"));
}

// The same by links and forms alone.
async function withoutScript() {
  const page = await opened({ javascript: false });
  await logIn(page, "/console/events?state=dead");
  await leads(page, () => page.click("a.event"));
  assert.ok(await page.$(".delivery.dead .todo"));
  const button = await labelled(page, "button", "Put back into the queue");
  await leads(page, () => button.click());
  assert.match(await text(page, ".notice"), /1 message put back/);
  await leads(page, () => page.click('a[href^="/console/templates?event="]'));
  await page.focus("#text");
  await page.keyboard.type("\nwithout a script ");
  await leads(page, async () => (await labelled(page, "button", "Show")).click());
  assert.ok(await page.$("#result [role=status]"));
  for (const hidden of ["button[data-copy]", "#pause"]) {
    for (const of of await page.$$(hidden)) {
      assert.ok(!(await of.isVisible()), `${hidden} does nothing without a script`);
    }
  }
  await page.goto(operator + "/console/events?text=pump");
  await leads(page, async () => (await labelled(page, ".actions a", "Replay them")).click());
  assert.match(await text(page, "h1"), /Replay all that match/);
  await page.browserContext().close();
}

// What axe finds on a page that is serious.
async function barriers(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations.filter((of) => ["serious", "critical"].includes(of.impact));
  return serious.map((of) => `${of.id}: ${of.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
}

// A barrier that is made here is found, so that finding none means something.
async function findsBarriers(page) {
  await page.goto(operator + "/console/audit");
  await page.evaluate(() => document.querySelector("main").append(new Image()));
  assert.match((await barriers(page)).join(), /image-alt/);
}

async function examine(page, paths) {
  const found = [];
  for (const [name, address] of Object.entries(paths)) {
    for (const [where, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      await page.setViewport(viewport);
      await page.goto(operator + address);
      for (const scheme of ["light", "dark"]) {
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (width > viewport.width) {
          found.push(`${name} is ${width} pixels wide on a ${where}`);
        }
        found.push(...(await barriers(page)).map((of) => `${name}, ${where}, ${scheme}: ${of}`));
        await page.screenshot({ path: `${pictures}/${name}-${where}-${scheme}.png`, fullPage: true });
      }
    }
  }
  assert.deepEqual(found, []);
}

try {
  const page = await opened();
  await findDeadLetter(page);
  const event = path(page);
  await mendAndReplay(page);
  await editTemplate(page);
  await byKeyboard(page);
  await withoutScript();
  await findsBarriers(page);
  await examine(page, {
    now: "/console",
    events: "/console/events",
    event,
    bulk: "/console/events/bulk?act=replay&text=pump",
    channels: "/console/channels",
    sources: "/console/sources",
    test: "/console/sources/github/test",
    kinds: "/console/templates",
    template: `/console/templates?event=${event.split("/").pop()}&template=push.hbs`,
    audit: "/console/audit",
    error: "/console/events/x",
  });
  const stranger = await opened();
  await examine(stranger, { login: "/console/events" });
  assert.deepEqual([...page.complaints, ...stranger.complaints], []);
} finally {
  input.close();
  await browser.close();
}
