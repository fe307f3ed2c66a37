// Plays scenes on canvases: every motion from two views, with a scrub bar. Scenes are what player.py makes.
"use strict";

class Player {
  constructor(figure, scene, skeleton) {
    Object.assign(this, { scene, skeleton, canvas: figure.querySelector("canvas"), frame: 0, playing: false });
    this.button = figure.querySelector("button");
    this.scrub = figure.querySelector("input");
    this.speed = figure.querySelector("select");
    this.clock = figure.querySelector("output");
    this.last = scene.head.length - 1;
    this.scrub.max = this.last;
    this.button.addEventListener("click", () => this.toggle());
    this.canvas.addEventListener("click", () => this.toggle());
    this.scrub.addEventListener("input", () => { this.pause(); this.show(Number(this.scrub.value)); });
    new ResizeObserver(() => this.show(this.frame)).observe(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show(this.frame));
  }

  toggle() { this.playing ? this.pause() : this.play(); }

  pause() {
    this.playing = false;
    this.button.textContent = "▶ Play";
  }

  play() {
    this.playing = true;
    this.button.textContent = "‖ Pause";
    let before = null, at = this.frame === this.last ? 0 : this.frame;
    const step = (now) => {
      if (!this.playing) return;
      before ??= now;
      at += (now - before) / 1000 * this.scene.fps * Number(this.speed.value);
      before = now;
      if (at >= this.last + 1) at %= this.last + 1; // it repeats, as a short motion must be seen often
      this.show(Math.floor(at));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  show(frame) {
    this.frame = frame;
    this.scrub.value = frame;
    const seconds = (k) => (k / this.scene.fps).toFixed(2);
    this.clock.textContent = `${seconds(frame)} of ${seconds(this.last)} s`;
    this.scrub.setAttribute("aria-valuetext", this.clock.textContent);
    const width = this.canvas.parentElement.clientWidth;
    const alone = this.scene.motions.length === 1;
    const columns = width >= 900 ? (alone ? 4 : 6) : width >= 560 ? (alone ? 2 : 3) : 2;
    this.draw(this.context(width, columns), width / columns, columns);
  }

  // Shots motion by motion where a row holds both views of one; else a row of all motions for each view.
  place(motion, shot, columns) {
    return columns === 3 ? [motion, shot] : [(motion * 2 + shot) % columns, Math.floor((motion * 2 + shot) / columns)];
  }

  context(width, columns) {
    const { motions, shots } = this.scene;
    this.scale = (width / columns - 8) / (2 * shots[0].reach); // pixels a metre
    const tall = shots.map((shot) => (shot.top - shot.low) * this.scale);
    const rows = Math.ceil(motions.length * 2 / columns);
    this.label = 40;
    this.heights = Array.from({ length: rows }, (_, row) => columns === 3 ? tall[row] : Math.max(...tall));
    const height = this.heights.reduce((sum, row) => sum + row + this.label, 0);
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    return context;
  }

  draw(context, width, columns) {
    const style = getComputedStyle(this.canvas);
    this.colours = { ...this.skeleton.colours };
    for (const name of ["ink", "quiet", "raised", "rule", "ghost"]) this.colours[name] = style.getPropertyValue(`--${name}`);
    this.font = style.fontFamily;
    this.scene.motions.forEach((motion, number) => this.scene.shots.forEach((shot, side) => {
      const [column, row] = this.place(number, side, columns);
      const top = this.heights.slice(0, row).reduce((sum, height) => sum + height + this.label, 0) + this.label;
      context.save();
      context.translate(column * width, top);
      if (columns === 3 ? side === 0 : true) this.name(context, motion, side, columns);
      context.beginPath();
      context.rect(0, 0, width - 8, this.heights[row]);
      context.clip();
      context.translate((width - 8) / 2, this.heights[row] + shot.low * this.scale);
      this.shot(context, motion, number, shot);
      context.restore();
    }));
  }

  name(context, motion, side, columns) {
    const [name, error] = motion.name.split("\n");
    context.fillStyle = this.colours.ink;
    context.font = `600 13px ${this.font}`;
    if (side === 0) context.fillText(name, 0, -23);
    context.fillStyle = this.colours.quiet;
    context.font = `12px ${this.font}`;
    if (side === 0 && error) context.fillText(`${error}, now ${motion.error[this.frame]}`, 0, -8);
    if (side === 1) context.fillText(this.scene.shots[1].name, 0, -8);
    if (side === 0 && !error && columns !== 3) context.fillText(this.scene.shots[0].name, 0, -8);
  }

  shot(context, motion, number, shot) {
    const metres = (list, k) => [0, 1, 2].map((axis) => (list[3 * k + axis] - this.scene.centre[this.frame][axis]) / 1000);
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    const flat = (p) => [dot(p, shot.across) * this.scale, -dot(p, shot.up) * this.scale];
    const joints = (body) => this.skeleton.bones.reduce(
      (points, [, joint]) => { points[joint] = flat(metres(body.joints[this.frame], joint)); return points; },
      [flat(metres(body.joints[this.frame], 0))]);
    this.floor(context, shot, dot);
    context.setLineDash([1.5, 3]);
    this.line(context, this.scene.head.map((place) => flat(metres(place, 0))), this.colours.quiet, 1.2);
    context.setLineDash([]);
    if (number > 0) this.body(context, joints(this.scene.motions[0]), null);
    this.body(context, joints(motion), motion.contacts[this.frame]);
  }

  floor(context, shot, dot) {
    const [low, high] = shot.floor, reach = shot.reach, { scale } = this, { grid } = this.skeleton;
    context.fillStyle = this.colours.raised;
    context.fillRect(-reach * scale, -high * scale, 2 * reach * scale, (high - low) * scale);
    const centre = this.scene.centre[this.frame].map((value) => value / 1000);
    const marks = (middle) => {
      const places = [];
      for (let k = Math.ceil((middle - reach) / grid); k * grid <= middle + reach; k++) places.push(k * grid - middle);
      return places;
    };
    for (const x of marks(dot(centre, shot.across))) this.line(context, [[x * scale, -low * scale], [x * scale, -high * scale]], this.colours.rule, 1);
    const away = [-shot.across[1], shot.across[0], 0];
    if (shot.deep) for (const y of marks(dot(centre, away))) {
      const level = -y * scale * high / reach;
      this.line(context, [[-reach * scale, level], [reach * scale, level]], this.colours.rule, 1);
    }
    if (!shot.deep) this.line(context, [[-reach * scale, 0], [reach * scale, 0]], this.colours.quiet, 1);
  }

  // Without contacts it is a ghost: the truth behind a prediction.
  body(context, joints, contacts) {
    const ghost = contacts === null, thick = Math.max(1.6, this.scale / 55);
    const colour = (side) => ghost ? this.colours.ghost : this.colours[side] || this.colours.ink;
    for (const [parent, joint, side] of this.skeleton.bones) this.line(context, [joints[parent], joints[joint]], colour(side), thick);
    this.dot(context, joints[this.skeleton.head], colour("TRUNK"), 2.2 * thick);
    if (!ghost) joints.forEach((place, joint) => {
      if (joint > 0 && contacts >> (joint - 1) & 1) this.dot(context, place, this.colours.contact, 1.4 * thick);
    });
  }

  line(context, points, colour, width) {
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo(x, y));
    Object.assign(context, { strokeStyle: colour, lineWidth: width, lineCap: "round" });
    context.stroke();
  }

  dot(context, [x, y], colour, radius) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
  }
}

const skeleton = JSON.parse(document.getElementById("skeleton").textContent);
for (const figure of document.querySelectorAll("figure.clip")) {
  new Player(figure, JSON.parse(figure.querySelector("script").textContent), skeleton).show(0);
}
