// Writing with a pen, mouse or finger: the strokes become a file of handwriting.

import { byId } from "./dom.js";

const strokes = [];
let stroke = null;

function redraw() {
  const canvas = byId("pad-canvas");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = "#cfd8d8";
  context.beginPath();
  context.moveTo(20, 160);
  context.lineTo(canvas.width - 20, 160);
  context.stroke();
  context.strokeStyle = "#1d2021";
  context.lineWidth = 2.5;
  context.lineCap = context.lineJoin = "round";
  for (const points of stroke ? [...strokes, stroke] : strokes) {
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.length > 1 ? points : [points[0], [points[0][0] + 0.1, points[0][1]]]) context.lineTo(...point);
    context.stroke();
  }
  byId("pad-use").disabled = !strokes.length;
}

function position(event) {
  const canvas = byId("pad-canvas");
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

// A line of JSON as handwriting is stored: each stroke is [dx, dy, dx, dy, ...], relative to the point before.
export function toJson(lines, text) {
  let [x, y] = [0, 0];
  const deltas = lines.map((points) => points.flatMap(([px, py]) => {
    const step = [Math.round(px) - x, Math.round(py) - y];
    [x, y] = [Math.round(px), Math.round(py)];
    return step;
  }));
  return `${JSON.stringify({ writer: "me", text, strokes: deltas })}\n`;
}

// Open the pad; `use` gets the written file.
export function openPad(use) {
  const dialog = byId("pad");
  strokes.length = 0;
  redraw();
  dialog.onclose = () => {
    if (dialog.returnValue === "use" && strokes.length) {
      use(new File([toJson(strokes, byId("pad-text").value.trim())], "my-hand.json", { type: "application/json" }));
    }
  };
  dialog.returnValue = "cancel";
  dialog.showModal();
}

export function setUpPad() {
  const canvas = byId("pad-canvas");
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    stroke = [position(event)];
    redraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) stroke.push(position(part));
    redraw();
  });
  canvas.addEventListener("pointerup", () => {
    if (stroke) strokes.push(stroke);
    stroke = null;
    redraw();
  });
  byId("pad-undo").addEventListener("click", () => { strokes.pop(); redraw(); });
  byId("pad-clear").addEventListener("click", () => { strokes.length = 0; redraw(); });
}
