// Training: choose files, see what was read, watch the curves and samples of any run, stop and resume.

import { attempt, element, say, svgElement } from "./dom.js";
import { Form } from "./form.js";
import { get, post } from "./server.js";

const POLL_MS = 1000;

export class TrainingView {
  constructor(root) {
    this.root = root;
    this.run = "";
    this.timer = null;
  }

  async open() {
    this.choices = await attempt(() => get("/api/training"));
    if (!this.choices) return;
    this.#draw();
    if (this.run) this.#show(this.run);
  }

  close() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  #draw() {
    const { plugins } = this.choices;
    this.plugin = element("select", { id: "train-plugin", onchange: () => this.#choosePlugin() },
      ...plugins.map((plugin) => element("option", { value: plugin.name }, plugin.name)));
    this.corpus = element("select", { id: "train-corpus" });
    this.files = element("input", { id: "train-files", type: "file", multiple: true });
    this.folder = element("input", { type: "file", webkitdirectory: true });
    this.minutes = element("input", { id: "train-minutes", type: "number", min: "0.01", step: "any", value: "5" });
    this.size = element("select", {}, ...this.choices.sizes.map((size) => element("option", { value: size }, size)));
    this.size.value = "small";
    this.options = element("details");
    const start = element("button", { class: "primary", type: "submit", id: "train-start" }, "Start training");
    const form = element("form", { class: "panel", onsubmit: (event) => { event.preventDefault(); attempt(() => this.#start()); } },
      element("h2", {}, "A new model"),
      field("Kind of files", this.plugin), field("Installed corpus", this.corpus),
      field("Or your own files", this.files), field("Or a folder", this.folder),
      field("Minutes", this.minutes), field("Size", this.size), this.options, start);
    this.list = element("ul", { class: "runs" });
    const runs = element("section", { class: "panel", "aria-label": "Runs" }, element("h2", {}, "Runs in this folder"), this.list);
    this.detail = element("section", { class: "panel", "aria-label": "The run", "aria-live": "off" },
      element("p", { class: "hint" }, "Start a training, or choose a run, also one that was started in a terminal."));
    this.root.replaceChildren(element("div", {}, form, runs), this.detail);
    this.#choosePlugin();
    this.#drawRuns();
  }

  #choosePlugin() {
    const plugin = this.choices.plugins.find((item) => item.name === this.plugin.value);
    if (!plugin) return;
    const corpora = this.choices.corpora.filter((corpus) => corpus.domain === plugin.name);
    this.corpus.replaceChildren(element("option", { value: "" }, "all that are installed"),
      ...corpora.map((corpus) => element("option", { value: corpus.name }, `${corpus.name} (${corpus.licence})`)));
    this.form = new Form(plugin.options.filter((entry) => entry.type !== "file"));
    this.options.replaceChildren(element("summary", {}, "How files are read and encoded"), ...this.form.nodes);
    this.files.accept = plugin.reads.join(",");
  }

  #drawRuns() {
    this.list.replaceChildren(...this.choices.runs.map((run) => element("li", {}, element("button", {
      type: "button", "aria-current": String(run.id === this.run), onclick: () => this.#show(run.id),
    }, run.id, element("span", {}, run.running ? "running" : run.finished ? "finished" : "unfinished")))));
    if (!this.choices.runs.length) this.list.replaceChildren(element("li", { class: "hint" }, "There is no run yet."));
  }

  async #start() {
    const body = {
      plugin: this.plugin.value, minutes: Number(this.minutes.value), size: this.size.value, options: this.form.values(),
    };
    const files = [...this.files.files, ...this.folder.files];
    if (files.length) {
      body.upload = crypto.randomUUID();
      for (const [number, file] of files.entries()) {
        say(`Copying file ${number + 1} of ${files.length}…`);
        await post(`/api/training/files?upload=${body.upload}&name=${encodeURIComponent(file.name)}`, file);
      }
    } else if (this.corpus.value) {
      body.corpus = this.corpus.value;
    }
    const { run } = await post("/api/training/start", body);
    say(`The training of ${run} has started.`);
    this.choices = await get("/api/training");
    this.#drawRuns();
    this.#show(run);
  }

  #show(run) {
    clearTimeout(this.timer);
    this.run = run;
    this.events = [];
    this.after = 0;
    this.#drawRuns();
    const act = (name) => () => attempt(async () => { await post(`/api/training/${name}`, { run }); this.#poll(run); });
    this.state = element("span", { class: "hint", id: "run-state" });
    this.stopButton = element("button", { type: "button", onclick: act("stop"), id: "run-stop" }, "Stop and save");
    this.resumeButton = element("button", { type: "button", onclick: act("resume"), id: "run-resume" }, "Resume");
    this.curve = element("div");
    this.samples = element("div");
    this.log = element("div");
    this.detail.replaceChildren(element("h2", {}, run), element("div", { class: "row" }, this.state, this.stopButton, this.resumeButton),
      this.curve, this.samples, this.log);
    this.#poll(run);
  }

  async #poll(run) {
    clearTimeout(this.timer);
    const view = await attempt(() => get(`/api/training/run?run=${encodeURIComponent(run)}&after=${this.after}`));
    if (!view || run !== this.run) return;
    if (view.after < this.after) this.events = [];
    this.after = view.after;
    this.events.push(...view.events);
    const last = this.events.findLast((event) => event.event === "train");
    const step = last ? `step ${last.t.toLocaleString("en")}, ${last.minutes.toFixed(1)} minutes` : "preparing";
    const state = view.running ? "running" : view.finished ? "finished" : view.failed ? "failed" : "stopped";
    this.state.textContent = `${state}; ${step}`;
    if (this.state.dataset.state === "running" && !view.running) {
      this.choices = await get("/api/training");
      this.#drawRuns();
    }
    this.state.dataset.state = state;
    this.stopButton.hidden = !view.running;
    this.resumeButton.hidden = view.running || view.finished || !view.resumable;
    this.curve.replaceChildren(...drawCurves(this.events));
    this.samples.replaceChildren(...view.samples.filter((sample) => sample.text).slice(-1).flatMap((sample) => [
      element("h2", {}, `Newest sample (${sample.name})`), element("pre", { class: "log", tabindex: "0" }, sample.text)]));
    const skipped = view.skipped.length ? [element("h2", {}, "Skipped"), element("pre", { class: "log", tabindex: "0" }, view.skipped.join("\n"))] : [];
    const log = view.log.length ? [element("h2", {}, "Messages"), element("pre", { class: "log", tabindex: "0" }, view.log.join("\n"))] : [];
    this.log.replaceChildren(...skipped, ...log);
    if (this.root.hidden) return;
    this.timer = setTimeout(() => this.#poll(run), view.running ? POLL_MS : POLL_MS * 4);
  }
}

function field(label, control) {
  return element("label", { class: "field" }, element("span", {}, label), control);
}

// The losses over the steps as a picture, with a sentence that says the same.
function drawCurves(events) {
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
    svgElement("text", { x: width - 90, y: height - 6 }, `step ${last.toLocaleString("en")}`));
  const legend = element("p", { class: "legend" },
    element("span", { class: "train" }, "training ", element("b", {}, train.at(-1)?.nats_per_unit.toFixed(3) ?? "–")),
    element("span", { class: "valid" }, "held out ", element("b", {}, valid.at(-1)?.nats_per_unit.toFixed(3) ?? "–")),
    element("span", {}, "nats per unit"));
  return [picture, legend];
}
