// Keeps the page true without reloading it. Everything also works, with a reload, without this file.
"use strict";

const BURST = 120; // milliseconds: a burst of changes is one look
const POLL = 5000; // clocks move even when nothing happens
const READING = 8000; // how long a sentence about a failure stays
const AIMING = 700; // whoever moves over the suggestions is about to press one: they do not change then
const GONE = "The sandbox does not answer. Is it still running?";
const STUMBLED = "The sandbox stumbled over this. Its terminal says more.";
const reader = new DOMParser();

// -- showing -------------------------------------------------------------------

let turn = 0; // whoever asked last is shown; an older answer that comes later is not

async function load(url, options) {
  const mine = ++turn;
  const answer = await fetch(url, { headers: { Accept: "text/html" }, ...options });
  const html = await answer.text();
  const fresh = reader.parseFromString(html, "text/html");
  if (!fresh.getElementById("notice")) {
    complain(answer.status < 500 ? fresh.body.textContent : STUMBLED); // a refusal in plain words
    return null;
  }
  if (mine === turn) show(fresh);
  return answer;
}

function show(fresh) {
  const places = ancestors(document.activeElement);
  const followed = following();
  const told = fresh.getElementById("notice");
  const sentence = told.textContent;
  told.replaceWith(document.getElementById("notice").cloneNode(true)); // what stands there stays for a while
  const aimed = acting ? null : document.querySelector("#try:hover");
  if (aimed && performance.now() - aimedAt < AIMING) fresh.getElementById("try").replaceWith(aimed.cloneNode(true));
  document.title = fresh.title;
  patchChildren(document.body, fresh.body);
  follow(followed);
  refocus(places);
  mark();
  if (sentence) complain(sentence);
}

// What was pressed may be gone: the keyboard goes on from the nearest thing around it that is still there.
function ancestors(element) {
  const found = [];
  for (let one = element; one && one !== document.body; one = one.parentElement) if (one.id) found.push(one.id);
  return found;
}

function refocus(places) {
  if (!places.length || document.activeElement !== document.body) return;
  places.map((id) => document.getElementById(id)).find(Boolean)?.focus({ preventScroll: true });
}

// A conversation that was read to its end stays at its end, unless somebody is about to press something in it.
function following() {
  const stream = document.querySelector("[data-follow]");
  const isAtEnd = stream.scrollHeight - stream.scrollTop - stream.clientHeight < 80;
  return { id: stream.id, isAtEnd: isAtEnd && !stream.querySelector("button:hover, a:hover") };
}

function follow({ id, isAtEnd }) {
  const stream = document.querySelector("[data-follow]");
  if (isAtEnd || stream.id !== id) stream.scrollTop = stream.scrollHeight;
}

let clearing = null;
function complain(sentence) {
  const notice = document.getElementById("notice");
  notice.textContent = sentence;
  notice.hidden = !sentence;
  clearTimeout(clearing);
  if (sentence) clearing = setTimeout(() => complain(""), READING);
}

// -- following the world -------------------------------------------------------

let aimedAt = 0;
document.addEventListener("pointermove", () => (aimedAt = performance.now()), { passive: true });

let waiting = null;
let isPressing = false;
function refresh() {
  waiting ??= setTimeout(async () => {
    waiting = null;
    if (isPressing || acting) return refresh(); // not under somebody's finger, nor before their own act
    await load(location.href).catch(() => complain(GONE));
  }, BURST);
}

document.addEventListener("pointerdown", () => (isPressing = true));
for (const end of ["pointerup", "pointercancel", "blur"]) window.addEventListener(end, () => (isPressing = false));

// Browsers keep six connections to one place: a page that nobody sees gives its own back.
let stream = null;
function listen() {
  stream?.close();
  stream = null;
  if (document.hidden) return;
  stream = new EventSource("/stream");
  for (const news of ["open", "change"]) stream.addEventListener(news, refresh);
}
document.addEventListener("visibilitychange", listen);
setInterval(() => document.hidden || refresh(), POLL);

// -- acting --------------------------------------------------------------------

let acting = 0; // what somebody does comes before what the page wants to know
let done = Promise.resolve(); // and one thing after the other, so that the page and its address agree

function act(work) {
  document.documentElement.classList.toggle("acting", ++acting > 0);
  done = done
    .then(work)
    .catch(() => complain(GONE))
    .finally(() => document.documentElement.classList.toggle("acting", --acting > 0));
  return done;
}

const sending = new WeakSet(); // pressing twice is pressing once

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  if (sending.has(form)) return;
  sending.add(form);
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const box = form.querySelector("textarea");
  const written = box?.value;
  act(async () => {
    // Not form.action: a field of that name would hide it.
    const answer = await load(form.getAttribute("action"), { method: "POST", body });
    if (!answer?.ok) return;
    if (box && box.value === written) box.value = "";
    go(answer.url);
    if (box?.id === "say") document.getElementById("say").focus();
  }).finally(() => sending.delete(form));
});

document.addEventListener("keydown", (event) => {
  const isSending = event.key === "Enter" && !event.shiftKey && !event.isComposing;
  if (!isSending || event.target.tagName !== "TEXTAREA") return;
  event.preventDefault();
  const form = event.target.form;
  if (event.target.value.trim()) form.requestSubmit(form.querySelector("button.primary"));
});

// -- going ---------------------------------------------------------------------

function go(url) {
  const there = new URL(url, location.href);
  if (there.search !== location.search) history.pushState(null, "", there.pathname + there.search);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/?']");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const { href, hash } = link;
  act(async () => {
    if (!(await load(href))?.ok) return;
    go(href);
    if (hash) arrive(hash.slice(1));
  });
});

function arrive(id) {
  const element = document.getElementById(id);
  element?.scrollIntoView({ block: "nearest" });
  element?.focus({ preventScroll: true });
}

window.addEventListener("popstate", () => act(() => load(location.href)));

// On a narrow screen the tabs say which part is in view.
function mark() {
  const tabs = [...document.querySelectorAll(".tabs a")];
  const parts = tabs.map((tab) => document.querySelector(tab.hash));
  const reached = parts.findLastIndex((part) => part.getBoundingClientRect().top <= window.innerHeight / 3);
  const isAtEnd = window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 2;
  const asked = tabs.findIndex((tab) => tab.hash === location.hash); // the last parts cannot reach the top
  const current = isAtEnd && asked > reached ? asked : Math.max(reached, 0);
  tabs.forEach((tab, index) => tab.setAttribute("aria-current", index === current));
}
for (const news of ["scroll", "hashchange"]) window.addEventListener(news, mark, { passive: true });

complain(document.getElementById("notice").textContent);
follow({});
mark();
listen();
