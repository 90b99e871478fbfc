// Writing with a pen, mouse or finger: lines of handwriting that are used at once, or saved as a file.

import { byId, element, svgElement } from "./dom.js";

const SENTENCES = [
  "The quick brown fox", "jumps over the lazy dog.", "Pack my box with five", "dozen liquor jugs, please!",
  "Sphinx of black quartz,", "judge my vow: 1234567890", "How vexingly quick", "daft zebras jump?",
];
const MIN_DISTANCE = 0.7; // between points, in units of the canvas
const RULES = [[105, "#dfe5e5"], [160, "#a9b7b7"]]; // the top of small letters, and the baseline

let strokes = [];
let stroke = null;
let pointer = null;
let samples = [];

// A sample as files of handwriting contain it: each stroke is [dx, dy, dx, dy, ...], relative to the point before.
export function toSample(lines, text, writer) {
  let [x, y] = [0, 0];
  const deltas = lines.map((points) => points.flatMap(([px, py]) => {
    const [nextX, nextY] = [Math.round(px * 10), Math.round(py * 10)];
    const step = [(nextX - x) / 10, (nextY - y) / 10];
    [x, y] = [nextX, nextY];
    return step;
  }));
  return { writer, kind: /\s/.test(text) ? "line" : "word", text, strokes: deltas };
}

function toFile(items) {
  const name = `${items[0].writer.replace(/[^\w-]+/g, "_") || "hand"}.json`;
  return new File([items.map((sample) => `${JSON.stringify(sample)}\n`).join("")], name, { type: "application/json" });
}

function redraw() {
  const canvas = byId("pad-canvas");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineWidth = 1;
  for (const [y, colour] of RULES) {
    context.strokeStyle = colour;
    context.beginPath();
    context.moveTo(20, y);
    context.lineTo(canvas.width - 20, y);
    context.stroke();
  }
  context.strokeStyle = "#1d2021";
  context.lineWidth = 2.5;
  context.lineCap = context.lineJoin = "round";
  for (const points of stroke ? [...strokes, stroke] : strokes) {
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.length > 1 ? points : [[points[0][0] + 0.1, points[0][1]]]) context.lineTo(...point);
    context.stroke();
  }
  byId("pad-undo").disabled = byId("pad-clear").disabled = byId("pad-keep").disabled = !strokes.length;
  byId("pad-use").disabled = byId("pad-save").disabled = !strokes.length && !samples.length;
}

function position(event) {
  const canvas = byId("pad-canvas");
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

function extend(event) {
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const move of moves.length ? moves : [event]) {
    const point = position(move);
    const last = stroke.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= MIN_DISTANCE) stroke.push(point);
  }
}

function keep() {
  const text = byId("pad-text").value.trim();
  if (!text) {
    byId("pad-text").reportValidity();
    return false;
  }
  samples.push(toSample(strokes, text, byId("pad-writer").value.trim() || "me"));
  strokes = [];
  drawList();
  redraw();
  return true;
}

function next() {
  const place = SENTENCES.indexOf(byId("pad-text").value);
  byId("pad-text").value = SENTENCES[(place + 1) % SENTENCES.length];
}

function picture(sample) {
  let [x, y] = [0, 0];
  const points = [];
  const paths = sample.strokes.map((numbers) => {
    let data = "";
    for (let at = 0; at < numbers.length; at += 2) {
      [x, y] = [x + numbers[at], y + numbers[at + 1]];
      points.push([x, y]);
      data += `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    return svgElement("path", { d: numbers.length > 2 ? data : `${data}l0 0` });
  });
  const [left, top] = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis])) - 4);
  const [right, bottom] = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])) + 4);
  const viewBox = [left, top, right - left, bottom - top].join(" ");
  return svgElement("svg", { viewBox, preserveAspectRatio: "xMinYMid meet", "aria-hidden": "true" }, ...paths);
}

function drawList() {
  byId("pad-list").replaceChildren(...samples.map((sample, number) => element("li", {}, picture(sample),
    element("span", {}, sample.text), element("button", {
      type: "button", class: "quiet", "aria-label": `Delete ${sample.text}`,
      onclick: () => { samples.splice(number, 1); drawList(); redraw(); },
    }, "Delete"))));
}

// Add the line on the canvas, if there is one, and return whether there are lines.
function complete() {
  return (!strokes.length || keep()) && samples.length > 0;
}

// Open the pad; `use` gets the file of the written lines.
export function openPad(use) {
  const dialog = byId("pad");
  strokes = [];
  samples = [];
  drawList();
  redraw();
  byId("pad-use").onclick = () => {
    if (!complete()) return;
    dialog.close();
    use(toFile(samples));
  };
  dialog.showModal();
}

export function setUpPad() {
  const canvas = byId("pad-canvas");
  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || (event.pointerType === "mouse" && event.button !== 0)) return; // a palm, or a second finger
    event.preventDefault();
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    stroke = [position(event)];
    redraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    extend(event);
    redraw();
  });
  const end = (isComplete) => (event) => {
    if (event.pointerId !== pointer) return;
    if (isComplete) strokes.push(stroke);
    stroke = pointer = null;
    redraw();
  };
  canvas.addEventListener("pointerup", end(true));
  canvas.addEventListener("pointercancel", end(false));
  byId("pad-undo").addEventListener("click", () => { strokes.pop(); redraw(); });
  byId("pad-clear").addEventListener("click", () => { strokes = []; redraw(); });
  byId("pad-keep").addEventListener("click", () => { if (keep()) next(); });
  byId("pad-other").addEventListener("click", next);
  byId("pad-save").addEventListener("click", () => {
    if (!complete()) return;
    const file = toFile(samples);
    const link = element("a", { href: URL.createObjectURL(file), download: file.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
  byId("pad").addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && event.target.tagName !== "INPUT") {
      event.preventDefault();
      strokes.pop();
      redraw();
    }
  });
}
