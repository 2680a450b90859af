// The six dimensions: one is marked and shows its sentences; sliders and buttons set the same number.

export class Scores {
  constructor(root, rubric, changed) {
    this.rubric = rubric;
    this.changed = changed;
    this.rows = rubric.map((d) => {
      const row = root.querySelector(`#d-${d.key}`);
      const parts = {
        row, name: row.querySelector(".name"), slider: row.querySelector("input"), value: row.querySelector(".value"),
        anchor: row.querySelector(".anchor"), buttons: [...row.querySelectorAll("[data-score]")],
      };
      return parts;
    });
    this.rows.forEach((r, i) => {
      r.name.addEventListener("click", () => this.mark(i));
      r.slider.addEventListener("focus", () => this.mark(i, false));
      r.slider.addEventListener("input", () => this.set(i, Number(r.slider.value)));
      // A click on a slider that already stands there is an answer, too.
      r.slider.addEventListener("pointerup", () => { if (this.values[i] === null) this.set(i, Number(r.slider.value)); });
      for (const button of r.buttons) {
        button.addEventListener("click", (e) => {
          this.set(i, Number(button.dataset.score));
          if (e.detail) button.blur(); // by pointer: let Enter mean "save" again
          this.forward();
        });
      }
    });
    this.load({});
  }

  load(scores) {
    this.values = this.rubric.map((d) => scores[d.key] ?? null);
    this.values.forEach((_, i) => this.draw(i));
    this.mark(Math.max(0, this.values.indexOf(null)));
  }

  get told() {
    return Object.fromEntries(this.rubric.map((d, i) => [d.key, this.values[i]]));
  }

  get missing() { return this.values.indexOf(null); }

  set(i, value) {
    if (this.values[i] === value) return;
    this.changed();
    this.values[i] = value;
    this.draw(i);
  }

  // The score of the marked dimension by key; then on to the next that has none.
  key(value) {
    this.set(this.active, value);
    const said = `${this.rubric[this.active].name} ${value}`;
    this.forward();
    return said;
  }

  forward() {
    const next = this.values.findIndex((v, i) => v === null && i > this.active);
    if (next >= 0) this.mark(next);
    else if (this.missing >= 0) this.mark(this.missing);
    else this.move(1); // all have one: whoever corrects goes on to the one below
  }

  move(by) { this.mark(Math.min(Math.max(this.active + by, 0), this.rows.length - 1)); }

  mark(i, show = true) {
    this.active = i;
    this.rows.forEach((r, n) => {
      r.row.classList.toggle("active", n === i);
      r.name.setAttribute("aria-expanded", String(n === i));
    });
    if (show) this.rows[i].row.scrollIntoView({ block: "nearest" });
  }

  draw(i) {
    const value = this.values[i], r = this.rows[i], d = this.rubric[i];
    const low = Math.floor(value ?? 0), half = value !== null && value !== low;
    const words = value === null ? "" : half ? `Between ${low} and ${low + 1}: ${d.anchors[low]}` : d.anchors[low];
    r.value.textContent = value ?? "–";
    r.slider.value = value ?? 2.5;
    r.slider.classList.toggle("unset", value === null);
    r.slider.setAttribute("aria-valuetext", value === null ? "not scored yet" : `${value}: ${words}`);
    r.anchor.textContent = words;
    for (const b of r.buttons) b.setAttribute("aria-pressed", String(Number(b.dataset.score) === value));
  }
}
