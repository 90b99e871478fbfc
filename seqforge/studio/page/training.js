// Training: choose files, see what was read, watch the curves and samples of any run, stop and resume.

import { drawCurves } from "./curves.js";
import { acceptDrops, attempt, element, say } from "./dom.js";
import { Form } from "./form.js";
import { Picture } from "./picture.js";
import { get, post } from "./server.js";

const POLL_MS = 1000;

export class TrainingView {
  // `openTakes` gets the takes of a sample that the person wants to hear and change.
  constructor(root, openTakes) {
    this.root = root;
    this.openTakes = openTakes;
    this.dropped = [];
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
    this.drops = element("small", {}, "Files can also be dropped here.");
    const start = element("button", { class: "primary", type: "submit", id: "train-start" }, "Start training");
    const form = element("form", { class: "panel", onsubmit: (event) => { event.preventDefault(); attempt(() => this.#start()); } },
      element("h2", {}, "A new model"),
      field("Kind of files", this.plugin), field("Installed corpus", this.corpus),
      field("Or your own files", this.files), field("Or a folder", this.folder, this.drops),
      field("Minutes", this.minutes), field("Size", this.size), this.options, start);
    acceptDrops(form, (files) => {
      this.dropped = files;
      this.drops.textContent = `${files.length} dropped ${files.length === 1 ? "file" : "files"} will be used.`;
    });
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
    const files = [...this.files.files, ...this.folder.files, ...this.dropped];
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
    this.where = element("span", { class: "hint" });
    this.curve = element("div");
    this.samples = element("div");
    this.sampleName = "";
    this.log = element("div");
    this.detail.replaceChildren(element("h2", {}, run), element("div", { class: "row" }, this.state, this.stopButton, this.resumeButton, this.where),
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
    this.stopButton.hidden = !view.stoppable;
    this.where.textContent = view.running && !view.stoppable ? "started in a terminal; stop it there" : "";
    this.resumeButton.hidden = view.running || view.finished || !view.resumable;
    this.curve.replaceChildren(...drawCurves(this.events));
    await this.#drawSample(run, view);
    const report = [...lines(`Skipped: ${view.skipped.length}`, view.skipped), ...lines("Messages", view.messages)];
    this.log.replaceChildren(...report);
    if (this.root.hidden) return;
    this.timer = setTimeout(() => this.#poll(run), view.running ? POLL_MS : POLL_MS * 4);
  }

  // Show the newest sample as a picture, or as text; one that can be played opens as a take.
  async #drawSample(run, view) {
    const name = view.samples.at(-1);
    if (!name || (name === this.sampleName && view.model === this.sampleOpens)) return;
    const sample = await attempt(() => get(`/api/training/sample?run=${encodeURIComponent(run)}&name=${encodeURIComponent(name)}`));
    if (!sample || run !== this.run) return;
    [this.sampleName, this.sampleOpens] = [name, view.model];
    const picture = sample.svg ? new Picture(sample.svg) : null;
    const shown = picture?.svg ? picture.stage : element("p", { class: "words" }, sample.text);
    const open = element("button", { type: "button", id: "sample-open", onclick: () => attempt(async () => {
      const { takes } = await post("/api/training/sample/open", { run, name });
      this.openTakes(takes);
    }) }, "Open in Create");
    this.samples.replaceChildren(element("h3", {}, `Newest sample, after ${Number.parseInt(name, 10)} steps`),
      element("div", { class: "sample", tabindex: "0", role: "region", "aria-label": "Newest sample" }, shown),
      ...(view.model ? [element("p", { class: "row" }, open)] : []));
  }
}

function field(label, ...controls) {
  return element("label", { class: "field" }, element("span", {}, label), ...controls);
}

function lines(title, texts) {
  if (!texts.length) return [];
  return [element("h3", {}, title), element("pre", { class: "log", tabindex: "0", role: "region", "aria-label": title }, texts.join("\n"))];
}
