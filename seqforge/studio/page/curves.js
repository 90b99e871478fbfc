// The curves of the losses of a training.

import { element, svgElement } from "./dom.js";

// The losses over the steps as a picture, with a sentence that says the same.
export function drawCurves(events) {
  const train = events.filter((event) => event.event === "train" && Number.isFinite(event.nats_per_unit));
  const valid = events.filter((event) => event.event === "valid" && Number.isFinite(event.nats_per_unit));
  const all = [...train, ...valid];
  if (!all.length) return [element("p", { class: "hint" }, "There are no losses yet.")];
  const [width, height, left, bottom] = [760, 300, 48, 26];
  const last = Math.max(...all.map((event) => event.t), 1);
  const losses = all.map((event) => event.nats_per_unit);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const span = Math.max(high - low, 1e-6);
  const x = (t) => left + ((width - left - 10) * t) / last;
  const y = (loss) => 10 + ((height - bottom - 10) * (high - loss)) / span;
  const path = (points) => points.map((event, index) => `${index ? "L" : "M"}${x(event.t).toFixed(1)},${y(event.nats_per_unit).toFixed(1)}`).join("");
  const grid = Array.from({ length: 5 }, (_, index) => low + (span * index) / 4).flatMap((loss) => [
    svgElement("line", { class: "grid", x1: left, x2: width - 10, y1: y(loss), y2: y(loss) }),
    svgElement("text", { x: 4, y: y(loss) + 4 }, loss.toFixed(2)),
  ]);
  const picture = svgElement("svg", { class: "curve", viewBox: `0 0 ${width} ${height}`, role: "img" },
    svgElement("title", {}, `Loss curves up to step ${last}`), ...grid,
    svgElement("path", { class: "train", d: path(train) }), svgElement("path", { class: "valid", d: path(valid) }),
    ...valid.map((event) => svgElement("circle", { cx: x(event.t), cy: y(event.nats_per_unit), r: 4 })),
    svgElement("text", { x: width - 90, y: height - 6 }, `step ${last.toLocaleString("en")}`));
  const legend = element("p", { class: "legend" },
    element("span", { class: "train" }, "training ", element("b", {}, train.at(-1)?.nats_per_unit.toFixed(3) ?? "–")),
    element("span", { class: "valid" }, "held out ", element("b", {}, valid.at(-1)?.nats_per_unit.toFixed(3) ?? "–")),
    element("span", {}, "nats per unit"));
  return [picture, legend];
}
