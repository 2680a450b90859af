// The page on which cases are rated: state of one case, keys, and what is sent.

import { steps, drawn } from "/static/diff.js";
import { Scores } from "/static/scores.js";
import * as show from "/static/show.js";
import { Talk } from "/static/talk.js";
import { Viewer } from "/static/viewer.js";

const $ = (id) => document.getElementById(id);
const settings = JSON.parse($("main").dataset.settings);
const talk = new Talk(settings.form);
const IDLE = 60_000; // ms without a sign of life: the clock stops
const text = $("text"), comment = $("comment"), picture = $("picture");
const verdicts = [...document.querySelectorAll("[data-verdict]")];
const viewer = new Viewer($("viewer"), picture, $("zoom-level"));
const scores = new Scores($("dimensions"), settings.rubric, remember);
let task = null, verdict = null, seconds = 0, nonce = "", busy = false, trail = [], alive = Date.now(), checking = 0, lastCheck = 0;

text.maxLength = settings.longest;
comment.maxLength = settings.longestComment;

// ---- one case -------------------------------------------------------------------------------------------------------

function begin({ task: given, progress }) {
  task = given;
  const pace = progress.median_seconds === null ? "" : `, ${progress.median_seconds} s a case`;
  $("progress").textContent = `${progress.answered} answered, ${progress.left} left${pace}`;
  $("case").hidden = !task;
  $("nothing").hidden = Boolean(task);
  $("undo").disabled = !progress.answered;
  say("");
  if (!task) { $("clock").textContent = ""; return; }
  picture.hidden = false;
  $("no-picture").hidden = true;
  picture.src = `/${task.image}`;
  show.narrative($("narrative"), task.blocks);
  show.claims($("claims"), task.claims);
  show.history($("history"), task.history);
  show.dispute($("dispute"), task.dispute);
  show.opinions($("opinions"), task, settings.rubric, (words) => { remember(); text.value = words; decide("edit"); changed(); });
  trail = [];
  nonce = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}-${Math.random()}`;
  const kept = JSON.parse(sessionStorage.getItem(slot()) ?? "null") ?? task.before ?? {};
  seconds = kept.seconds ?? 0;
  restore({ scores: kept.scores ?? {}, verdict: kept.verdict ?? null, text: kept.text ?? task.draft, comment: kept.comment ?? "" });
  document.querySelectorAll(".columns > section").forEach((s) => { s.scrollTop = 0; });
  if (!document.querySelector("dialog[open]")) document.activeElement?.blur();
  tick();
  live(task.answers ? "A disputed case." : "Next case.");
}

const slot = () => `case ${task.case} ${task.version}`;
const state = () => ({ scores: scores.told, verdict, text: text.value, comment: comment.value });

function restore(s) {
  scores.load(s.scores);
  text.value = s.text;
  comment.value = s.comment;
  decide(s.verdict);
  changed();
}

function remember() { if (task) trail.push(state()); }

function stepBack() {
  const before = trail.pop();
  if (before) { restore(before); live("Last change undone."); }
}

function keep() {
  if (task) sessionStorage.setItem(slot(), JSON.stringify({ ...state(), seconds }));
}

function decide(choice) {
  verdict = choice;
  for (const b of verdicts) b.setAttribute("aria-pressed", String(b.dataset.verdict === choice));
  const editing = choice === "edit";
  $("editor").hidden = !editing;
  $("narrative").hidden = $("claims-box").hidden = editing;
  $("read-title").textContent = editing ? "Edit" : "Narrative";
}

function choose(choice) {
  remember();
  decide(choice);
  changed();
  if (choice === "edit") text.focus();
  if (choice === "reject" && !comment.value) comment.focus();
  live(`${choice} chosen.`);
}

function changed() {
  keep();
  if (verdict !== "edit") return;
  $("diff").replaceChildren(drawn(steps(task.draft, text.value)));
  clearTimeout(checking);
  checking = setTimeout(check, 500);
}

async function check() {
  const mine = ++lastCheck;
  try {
    const found = await talk.post("/api/check", { case: task.case, text: text.value });
    if (mine !== lastCheck) return;
    $("check").textContent = found.fine ? `Reads well. Diagnosis: ${found.diagnosis}.` : found.message;
    $("check").classList.toggle("bad", !found.fine);
  } catch (error) {
    $("check").textContent = error.message;
  }
}

// ---- to the server and back -----------------------------------------------------------------------------------------

async function ask(path, told) {
  if (busy) return;
  busy = true;
  $("submit").disabled = true;
  const old = task && slot();
  try {
    const answer = await talk.post(path, told);
    if (old && told) sessionStorage.removeItem(old);
    begin(answer);
  } catch (error) {
    if (error.status === 409) offer(error.message, "Load my current case", () => ask("/api/next"));
    else if (error.status === 401) offer(error.message, "Sign in", () => { location.href = "/sign-in"; });
    else say(error.message);
  } finally {
    busy = false;
    $("submit").disabled = false;
  }
}

function submit() {
  if (!task) return;
  if (scores.missing >= 0) {
    scores.mark(scores.missing);
    say(`${settings.rubric[scores.missing].name} has no score yet.`);
  } else if (!verdict) {
    say("Choose accept, edit or reject.");
  } else if (verdict === "reject" && !comment.value.trim()) {
    say("Say in the comment why you reject it.");
    comment.focus();
  } else {
    ask("/api/answer", { case: task.case, version: task.version, nonce, seconds, verdict, scores: scores.told,
      comment: comment.value, text: verdict === "edit" ? text.value : null });
  }
}

function say(words) {
  $("message").textContent = words;
  $("message").hidden = !words;
}

function offer(words, label, act) {
  say(`${words} `);
  $("message").append(show.node("button", { type: "button", textContent: label, onclick: act }));
}

function live(words) { $("live").textContent = words; }

// ---- clock: only while somebody is there ----------------------------------------------------------------------------

function tick() {
  const whole = Math.floor(seconds);
  $("clock").textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

setInterval(() => {
  if (task && !document.hidden && Date.now() - alive < IDLE) { seconds += 0.5; tick(); }
}, 500);
setInterval(keep, 5000);
setInterval(() => { if (!task && !document.hidden) ask("/api/next"); }, 20_000);
for (const name of ["keydown", "pointermove", "pointerdown", "wheel"]) {
  document.addEventListener(name, () => { alive = Date.now(); }, { passive: true });
}

// ---- keys and buttons -----------------------------------------------------------------------------------------------

const letters = {
  a: () => choose("accept"), e: () => choose("edit"), r: () => choose("reject"), c: () => comment.focus(), u: () => ask("/api/undo"),
  i: () => $("viewer").focus(), z: () => viewer.zoom(1.5), x: () => viewer.zoom(1 / 1.5), f: () => viewer.fit(),
  "?": () => $("help").showModal(),
};

// The focus leaves with it: left to the browser it stays in the closed dialog until the next frame, which eats a quick key.
function closeHelp() {
  $("help").close();
  if ($("help").contains(document.activeElement)) document.activeElement.blur();
}

document.addEventListener("keydown", (e) => {
  if ($("help").open) {
    if (e.key === "Escape") { e.preventDefault(); closeHelp(); }
    return;
  }
  const writing = e.target.matches("textarea, input:not([type=range])");
  if (e.key === "Escape" && writing) { e.target.blur(); return; }
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); submit(); return; }
  if (writing) return;
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z") { e.preventDefault(); stepBack(); return; }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (!task) { if (e.key === "u" && $("letters").checked) ask("/api/undo"); return; }
  if (e.key === "Enter" && !e.target.matches("button, a, summary")) { e.preventDefault(); if (!e.repeat) submit(); return; }
  if ((e.key === "ArrowDown" || e.key === "ArrowUp") && !e.target.matches("input, .viewer, section")) {
    e.preventDefault();
    scores.move(e.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (!$("letters").checked) return;
  const digit = /^(?:Digit|Numpad)([0-5])$/.exec(e.code)?.[1] ?? (/^[0-5]$/.test(e.key) ? e.key : undefined);
  const value = Number(digit) + (e.shiftKey ? 0.5 : 0);
  if (digit !== undefined && value <= settings.highest) { e.preventDefault(); live(scores.key(value)); changed(); return; }
  const act = letters[e.key.toLowerCase()];
  if (act && !(e.repeat && "aeru".includes(e.key.toLowerCase()))) { e.preventDefault(); act(); }
});

for (const b of verdicts) b.addEventListener("click", (e) => { choose(b.dataset.verdict); if (e.detail && b === document.activeElement) b.blur(); });
$("submit").addEventListener("click", submit);
$("undo").addEventListener("click", () => ask("/api/undo"));
$("again").addEventListener("click", () => ask("/api/next"));
$("keys").addEventListener("click", () => $("help").showModal());
$("close-help").addEventListener("click", closeHelp);
$("reset").addEventListener("click", () => { remember(); text.value = task.draft; changed(); });
$("zoom-in").addEventListener("click", () => viewer.zoom(1.5));
$("zoom-out").addEventListener("click", () => viewer.zoom(1 / 1.5));
$("zoom-fit").addEventListener("click", () => viewer.fit());
$("dimensions").addEventListener("input", keep);
$("dimensions").addEventListener("click", keep);
text.addEventListener("input", changed);
comment.addEventListener("input", keep);
picture.addEventListener("error", () => {
  picture.hidden = true;
  $("no-picture").hidden = false;
  $("no-picture").textContent = "The picture cannot be shown. Load the page again; if that does not help, reject the case and say so.";
});
$("letters").checked = localStorage.getItem("letters") !== "off";
$("letters").addEventListener("change", (e) => localStorage.setItem("letters", e.target.checked ? "on" : "off"));

ask("/api/next");
