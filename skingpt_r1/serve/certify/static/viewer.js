// The picture: zoom about a point, pan, pinch; never out of sight.

const MOST = 12;

export class Viewer {
  constructor(box, image, level) {
    Object.assign(this, { box, image, level, fingers: new Map(), scale: 1, x: 0, y: 0 });
    image.addEventListener("load", () => this.fit());
    new ResizeObserver(() => this.refit()).observe(box);
    box.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(Math.exp(-e.deltaY / 400), this.point(e)); }, { passive: false });
    box.addEventListener("dblclick", (e) => this.zoom(2, this.point(e)));
    box.addEventListener("pointerdown", (e) => this.down(e));
    box.addEventListener("pointermove", (e) => this.moved(e));
    for (const name of ["pointerup", "pointercancel"]) box.addEventListener(name, (e) => this.fingers.delete(e.pointerId));
    box.addEventListener("keydown", (e) => this.key(e));
  }

  get least() {
    return Math.min(this.box.clientWidth / this.image.naturalWidth, this.box.clientHeight / this.image.naturalHeight) || 1;
  }

  fit() { this.whole = true; this.scale = this.least; this.x = this.y = 0; this.draw(); }

  refit() { if (this.whole) this.fit(); else this.draw(); }

  // Zoom by a factor; `at` is the point of the box that stays where it is.
  zoom(factor, at = [this.box.clientWidth / 2, this.box.clientHeight / 2]) {
    const scale = Math.min(Math.max(this.scale * factor, this.least), this.least * MOST);
    const by = scale / this.scale;
    this.whole = scale <= this.least;
    this.x = at[0] - (at[0] - this.x) * by;
    this.y = at[1] - (at[1] - this.y) * by;
    this.scale = scale;
    this.draw();
  }

  pan(dx, dy) { this.x += dx; this.y += dy; this.draw(); }

  draw() {
    const hold = (at, size, room) => size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at));
    this.x = hold(this.x, this.image.naturalWidth * this.scale, this.box.clientWidth);
    this.y = hold(this.y, this.image.naturalHeight * this.scale, this.box.clientHeight);
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.level.textContent = `${(this.scale / this.least).toFixed(1)} ×`;
  }

  point(e) {
    const edge = this.box.getBoundingClientRect();
    return [e.clientX - edge.left, e.clientY - edge.top];
  }

  down(e) {
    this.box.setPointerCapture(e.pointerId);
    this.fingers.set(e.pointerId, this.point(e));
  }

  moved(e) {
    const before = this.fingers.get(e.pointerId);
    if (!before) return;
    const now = this.point(e);
    const other = [...this.fingers].find(([id]) => id !== e.pointerId)?.[1];
    if (other) {
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      this.zoom(apart(now) / apart(before), other);
    } else {
      this.pan(now[0] - before[0], now[1] - before[1]);
    }
    this.fingers.set(e.pointerId, now);
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[e.key];
    if (step) this.pan(...step);
    else if (e.key === "+" || e.key === "=") this.zoom(1.3);
    else if (e.key === "-") this.zoom(1 / 1.3);
    else if (e.key === "0") this.fit();
    else if (e.key === "Escape") this.box.blur();
    else return;
    e.preventDefault();
    e.stopPropagation();
  }
}
