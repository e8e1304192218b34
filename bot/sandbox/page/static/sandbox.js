// Keeps the page true without reloading it. Everything also works, with a reload, without this file.
"use strict";

const fragments = () => document.querySelectorAll("[data-fragment]");

async function refresh(element) {
  const answer = await fetch(`/fragment/${element.dataset.fragment}${location.search}`);
  if (!answer.ok) return;
  const html = await answer.text();
  if (element.dataset.html === html) return;
  const opened = [...element.querySelectorAll("details")].map((details) => details.open);
  const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
  element.dataset.html = html;
  element.innerHTML = html;
  element.querySelectorAll("details").forEach((details, index) => (details.open = opened[index] ?? false));
  if ("follow" in element.dataset && atEnd) element.scrollTop = element.scrollHeight;
}

let waiting = null;
function refreshAll() {
  // A burst of changes is one look.
  waiting ??= setTimeout(() => {
    waiting = null;
    fragments().forEach(refresh);
  }, 120);
}

function complain(sentence) {
  const notice = document.getElementById("notice");
  notice.textContent = sentence;
  notice.hidden = false;
  setTimeout(() => (notice.hidden = true), 6000);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(body) });
  if (!answer.ok) return complain(await answer.text());
  const written = form.querySelector("textarea");
  if (written) written.value = "";
  const there = new URL(answer.url);
  if (there.search !== location.search) return location.assign(there.pathname + there.search);
  refreshAll();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.target.tagName !== "TEXTAREA") return;
  event.preventDefault();
  const button = event.target.form.querySelector("button.primary");
  if (event.target.value.trim()) event.target.form.requestSubmit(button);
});

const stream = new EventSource("/stream");
stream.addEventListener("change", refreshAll);
stream.addEventListener("open", refreshAll);
setInterval(refreshAll, 5000); // clocks move even when nothing happens
document.querySelectorAll("[data-follow]").forEach((element) => (element.scrollTop = element.scrollHeight));
