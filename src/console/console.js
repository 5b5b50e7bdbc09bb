// Refreshes the live parts of a page, asks before an action, copies, submits the filter, and shows an edited template. Every page
// works without it.
"use strict";

const REFRESH = 5000; // milliseconds

const pause = document.getElementById("pause");
let paused = false;

// The live parts: elements with an id and data-live.

function isEdited(part) {
  const active = document.activeElement;
  return part.contains(active) && active.matches("input, select, textarea");
}

function replace(part, fresh) {
  const open = new Set([...part.querySelectorAll("details[open][id]")].map((details) => details.id));
  const known = new Set([...part.querySelectorAll("details[id]")].map((details) => details.id));
  const focused = part.contains(document.activeElement) ? path(part, document.activeElement) : null;
  part.replaceChildren(...fresh.childNodes);
  for (const details of part.querySelectorAll("details[id]")) {
    if (known.has(details.id)) {
      details.open = open.has(details.id);
    }
  }
  if (focused) {
    find(part, focused)?.focus({ preventScroll: true });
  }
  reveal(part);
}

// The place of an element in a part: its id or address, else the positions on the way to it.
function path(part, element) {
  const href = element.getAttribute("href");
  const steps = [];
  for (let at = element; at !== part; at = at.parentElement) {
    steps.unshift([...at.parentElement.children].indexOf(at));
  }
  return { id: element.id, href, steps };
}

function find(part, { id, href, steps }) {
  if (id) {
    return document.getElementById(id);
  }
  if (href) {
    return [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === href);
  }
  return steps.reduce((at, step) => at?.children[step], part);
}

async function refresh() {
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (response.status === 401) {
    location.reload(); // The session has ended: the page asks for the token.
    return;
  }
  if (!response.ok) {
    throw new Error("status " + response.status);
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && !isEdited(part) && fresh.innerHTML !== part.dataset.last) {
      part.dataset.last = fresh.innerHTML;
      replace(part, fresh);
    }
  }
}

async function watch() {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, REFRESH));
    if (paused || document.hidden) {
      continue;
    }
    try {
      await refresh();
      document.body.classList.remove("gone");
    } catch {
      document.body.classList.add("gone");
    }
  }
}

if (document.body.dataset.live) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on refreshing" : "Pause refreshing";
  });
  watch();
}

// A template that is edited: its form is posted after a pause in typing, and a part of the response is shown.

const PAUSE_IN_TYPING = 400; // milliseconds

function follow(form) {
  const shown = document.getElementById(form.dataset.try);
  const text = form.querySelector("textarea");
  let timer;
  let request = new AbortController();
  async function show() {
    request.abort();
    request = new AbortController();
    shown.setAttribute("aria-busy", "true");
    try {
      const body = new URLSearchParams(new FormData(form));
      const response = await fetch(form.action, { method: "POST", body, signal: request.signal });
      if (response.status === 401) {
        location.reload();
        return;
      }
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.getElementById(shown.id) ?? page.querySelector(".wrong");
      shown.replaceChildren(...(fresh.id === shown.id ? fresh.childNodes : [fresh]));
      document.body.classList.remove("gone");
    } catch (error) {
      if (error.name === "AbortError") {
        return; // A later one is on its way.
      }
      document.body.classList.add("gone");
    }
    shown.removeAttribute("aria-busy");
  }
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, PAUSE_IN_TYPING);
  });
  let leaves = false;
  form.addEventListener("submit", () => {
    leaves = true;
    // A download stays on the page.
    setTimeout(() => (leaves = false), 1000);
  });
  addEventListener("beforeunload", (event) => {
    if (!leaves && text.value !== text.defaultValue) {
      event.preventDefault();
    }
  });
}

document.querySelectorAll("form[data-try]").forEach(follow);

// Copy, confirmation, the filter, and the key for the search.

function reveal(part) {
  for (const button of part.querySelectorAll("button[data-copy]")) {
    button.hidden = !navigator.clipboard;
  }
}
reveal(document);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
});

// Where the filter leads. Enter in a changed field is a change and a submission: it leads there once.
let leadsTo = "";
addEventListener("pageshow", () => (leadsTo = ""));

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) {
    event.preventDefault();
  } else if (form.hasAttribute("data-auto")) {
    // Leaves empty fields out of the address.
    event.preventDefault();
    const fields = [...new FormData(form)].filter(([, value]) => value.trim());
    const query = new URLSearchParams(fields).toString();
    const address = form.getAttribute("action") + (query && "?" + query);
    if (address !== leadsTo) {
      leadsTo = address;
      location.assign(address);
    }
  }
});

document.addEventListener("change", (event) => {
  event.target.form?.closest("form[data-auto]")?.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  const search = document.getElementById("search");
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && search && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// A reload does not show the result of an action again.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  address.searchParams.delete("count");
  address.searchParams.delete("failed");
  history.replaceState(null, "", address);
}
