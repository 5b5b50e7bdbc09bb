// Asks for news, and puts the new page's parts in the place of the old ones.
"use strict";

const parts = ["channels", "main"];
const main = document.getElementById("main");

async function listen() {
  const answer = await fetch("/sandbox/version?after=" + document.body.dataset.version);
  const { version } = await answer.json();
  if (String(version) === document.body.dataset.version) {
    return;
  }
  const text = await (await fetch(location.href)).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  const atEnd = main.scrollHeight - main.scrollTop - main.clientHeight < 80;
  for (const part of parts) {
    // The children only: the part itself keeps its place of scrolling.
    document.getElementById(part).replaceChildren(...page.getElementById(part).childNodes);
  }
  document.title = page.title;
  document.body.dataset.version = page.body.dataset.version;
  if (atEnd) {
    toEnd();
  }
}

function toEnd() {
  main.scrollTop = main.scrollHeight;
}

async function watch() {
  for (;;) {
    let pause = 150; // A burst of messages is one refresh.
    try {
      await listen();
      document.body.classList.remove("gone");
    } catch {
      document.body.classList.add("gone");
      pause = 2000;
    }
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

toEnd();
watch();
