// A case as nodes. Text becomes text nodes only: nothing that a narrative holds is ever read as HTML.

import { drawn } from "/static/diff.js";

export function node(name, told = {}, ...children) {
  const { class: css, ...rest } = told;
  const made = Object.assign(document.createElement(name), rest);
  if (css) made.className = css;
  made.append(...children);
  return made;
}

export function narrative(box, blocks) {
  box.replaceChildren(...blocks.map(({ heading, parts }) => node("div", { class: "block" },
    node("h3", { textContent: heading }),
    node("p", {}, ...parts.map(([kind, text]) => kind ? node("mark", { class: kind, textContent: text }) : text)))));
}

export function claims(list, told) {
  list.replaceChildren(...told.map((c) => node("li", { class: c.denied ? "denied" : "", textContent: c.text })));
  if (!told.length) list.append(node("li", { textContent: "none that the vocabulary knows" }));
}

export function history(line, told) {
  line.replaceChildren(told.length ? "" : node("span", { class: "soft", textContent: "No history is recorded." }),
    ...told.map(([name, value]) => node("span", {}, node("b", { textContent: name }), ` ${value}`)));
}

// Why the two raters disagree, above the narrative, for the adjudicator.
export function dispute(box, reasons) {
  box.hidden = !reasons;
  box.replaceChildren(node("h2", { textContent: "Two raters disagree" }),
    node("ul", {}, ...(reasons ?? []).map((text) => node("li", { textContent: text }))));
}

// What they said, below it; `take` is called with a text to start from.
export function opinions(box, task, rubric, take) {
  box.hidden = !task.answers;
  if (!task.answers) { box.replaceChildren(); return; }
  const [a, b] = task.answers;
  const cells = (row, apart) => row.map((text) => node("td", { class: apart ? "apart" : "", textContent: text || text === 0 ? text : "–" }));
  const line = (name, row, apart) => node("tr", {}, node("th", { scope: "row", textContent: name }), ...cells(row, apart));
  const table = node("table", {},
    node("thead", {}, node("tr", {}, node("td"), ...task.answers.map((o) => node("th", { scope: "col", textContent: o.name })))),
    node("tbody", {},
      line("Decision", [a.verdict, b.verdict], a.verdict !== b.verdict),
      line("Diagnosis", [a.diagnosis, b.diagnosis], a.diagnosis !== b.diagnosis),
      ...rubric.map((d) => line(d.name, [a.scores[d.key], b.scores[d.key]], Math.abs(a.scores[d.key] - b.scores[d.key]) > 1)),
      line("Comment", [a.comment, b.comment], false)));
  const texts = task.answers.filter((o) => o.edits.length).flatMap((o) => [
    node("h3", { textContent: `Changes by ${o.name}` }),
    node("div", { class: "diff" }, drawn(o.edits.flatMap(([kind, old, text]) =>
      kind === "same" ? [["same", old]] : [["cut", old], ["add", text]].filter(([, words]) => words)))),
    node("button", { type: "button", textContent: `Start from the text of ${o.name}`, onclick: () => take(o.text) })]);
  box.replaceChildren(node("h2", { textContent: "What they said" }), table, ...texts);
}
