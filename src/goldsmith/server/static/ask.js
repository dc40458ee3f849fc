// Asks without leaving the page and shows sources beside the answers. Everything here also works
// without this script, as plain links and a form.
"use strict";

const answers = document.getElementById("answers");
const form = document.querySelector("form.ask");
const field = document.getElementById("q");
const aside = document.getElementById("source");
const body = document.getElementById("source-body");
let asking = null;
let opener = null;

document.documentElement.classList.add("script");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const question = field.value.trim();
  if (!question) return;
  asking?.abort();
  asking = new AbortController();
  const mine = asking;
  document.querySelector(".welcome")?.remove();
  document.querySelector(".pending")?.remove();
  const turn = document.createElement("article");
  turn.className = "turn pending";
  const heading = document.createElement("h2");
  heading.className = "question";
  heading.textContent = question;
  const note = document.createElement("p");
  note.className = "waiting";
  note.textContent = "Looking through the documents…";
  turn.append(heading, note);
  answers.append(turn);
  turn.scrollIntoView({ block: "nearest" });
  field.value = "";
  field.focus();
  try {
    const query = new URLSearchParams({ q: question, part: "1" });
    const response = await fetch("/ask?" + query, { signal: mine.signal });
    const kind = response.headers.get("content-type") || "";
    if (!kind.startsWith("text/html")) throw new Error("the server answered " + response.status);
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    const fresh = holder.content.querySelector(".turn");
    turn.replaceWith(fresh);
    const first = fresh.querySelector(".cite");
    if (first && matchMedia("(min-width: 56.01rem)").matches) show(first);
    fresh.scrollIntoView({ block: "nearest" });
  } catch (error) {
    if (mine.signal.aborted) return;
    turn.classList.remove("pending");
    note.className = "failure";
    note.setAttribute("role", "alert");
    note.textContent = "The question could not be sent: " + error.message;
  }
});

answers.addEventListener("click", (event) => {
  const cite = event.target.closest(".cite");
  if (!cite) return;
  event.preventDefault();
  show(cite);
  opener = cite;
  body.focus({ preventScroll: true });
});

for (const kind of ["mouseover", "focusin"]) {
  answers.addEventListener(kind, (event) => {
    const cite = event.target.closest(".cite");
    if (cite && matchMedia("(min-width: 56.01rem)").matches) show(cite);
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});
aside.querySelector(".close").addEventListener("click", close);

function show(cite) {
  if (cite.getAttribute("aria-current") === "true") return;
  const figure = cite.closest(".turn").querySelector(`[id="${CSS.escape(cite.dataset.source)}"]`);
  if (!figure) return;
  forget();
  cite.setAttribute("aria-current", "true");
  const copy = figure.cloneNode(true);
  copy.removeAttribute("id");
  for (const picture of copy.querySelectorAll("img")) picture.loading = "eager";
  body.replaceChildren(copy);
  aside.hidden = false;
  copy.querySelector("rect, mark")?.scrollIntoView({ block: "center" });
}

function close() {
  if (aside.hidden) return;
  const inside = aside.contains(document.activeElement);
  aside.hidden = true;
  forget();
  if (inside) (opener && opener.isConnected ? opener : field).focus();
}

function forget() {
  for (const cite of answers.querySelectorAll('[aria-current="true"]')) {
    cite.removeAttribute("aria-current");
  }
}

// A page that was rendered with an answer shows its first source at once.
const present = answers.querySelector(".cite");
if (present && matchMedia("(min-width: 56.01rem)").matches) show(present);
