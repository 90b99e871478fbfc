// The page: the model and its form, the takes, the tree, and the session.

import { acceptDrops, attempt, byId, element, say } from "./dom.js";
import { Form, labelMenus } from "./form.js";
import { openPad, setUpPad } from "./pen.js";
import * as player from "./player.js";
import { download, get, listen, post } from "./server.js";
import { TakeView } from "./take.js";
import { TrainingView } from "./training.js";
import { Tree } from "./tree.js";

const takes = new Map();
const views = new Map();
const cards = new Map();
let forms = null;
let chosen = "";
let pinned = "";
let model = "";
let sessionName = "";

const studio = {
  card(name) {
    if (!cards.has(name)) cards.set(name, get(`/api/card?model=${encodeURIComponent(name)}`));
    return cards.get(name);
  },
  async edit(take, kind, numbers) {
    const isShown = take.model === model; // the form is that of this model
    const request = isShown && kind !== "rewrite" ? ownFields() : {};
    const { controls = {}, labels = {}, candidates = 0 } = take.recipe ?? {};
    const settings = isShown ? common() : { controls, labels, candidates };
    await generate({ ...settings, model: take.model, request, edit: { kind, parent: take.id, numbers }, seed: freshSeed() });
  },
  async again(take) {
    await generate({ ...take.recipe, seed: freshSeed() });
  },
  choose(id) {
    if (chosen === id || !takes.has(id)) return;
    chosen = id;
    draw();
  },
  pin(id) {
    pinned = pinned === id ? "" : id;
    draw();
    say(pinned ? "The take stays at the top for comparison; choose another one in the tree." : "");
  },
};
const tree = new Tree((id) => studio.choose(id), (id) => view(id).toggleSound());

// Fields of the form that an edit may carry, such as the text to write in the same hand.
function ownFields() {
  const values = forms.request.values();
  return Object.fromEntries(Object.entries(values).filter(([name]) => /^text$/.test(name)));
}

function freshSeed() {
  const first = byId("field-seed").value;
  if (first !== "") return Number(first);
  const seeds = [...takes.values()].map((take) => take.recipe?.seed ?? -1);
  return Math.max(...seeds, -1) + 1;
}

function common() {
  const controls = forms.controls.values();
  const temperature = Number(byId("temperature").value);
  if (temperature !== forms.card.defaults.temperature) controls.temperature = temperature;
  const labels = {};
  for (const menu of document.querySelectorAll("[data-label]")) if (menu.value) labels[menu.dataset.label] = menu.value;
  const length = Number(byId("field-length").value);
  return {
    controls, labels, length: length > 0 ? length : null, n: Number(byId("count").value) || 1,
    candidates: Math.max(0, Math.round(Number(byId("field-candidates").value) || 0)),
  };
}

async function generate(body) {
  const result = await post("/api/takes", { n: Number(byId("count").value) || 1, ...body });
  for (const take of result.takes) receive(take);
  chosen = result.takes[0].id;
  say("");
  draw();
  byId("board").scrollIntoView({ block: "nearest" });
}

function receive(take) {
  if (takes.get(take.id)?.revision > take.revision) return; // an answer that is older than an event
  takes.set(take.id, take);
  views.get(take.id)?.update(take);
}

function view(id) {
  if (!views.has(id)) views.set(id, new TakeView(takes.get(id), studio));
  return views.get(id);
}

// Show the takes that were requested together with the chosen one, and the way to them.
function draw() {
  if (!takes.has(chosen)) chosen = [...takes.keys()].at(-1) ?? "";
  if (!takes.has(pinned)) pinned = "";
  const batch = takes.get(chosen)?.batch;
  const shown = [...takes.values()].filter((take) => take.batch === batch && take.id !== pinned);
  fill(byId("takes"), shown.map((take) => view(take.id).node));
  fill(byId("pinned"), pinned ? [view(pinned).node] : []);
  byId("pinned").hidden = !pinned;
  byId("empty").hidden = takes.size > 0;
  for (const [id, item] of views) item.node.classList.toggle("chosen", id === chosen);
  drawTrail();
  tree.draw(takes, chosen);
  byId("stop").disabled = ![...takes.values()].some((take) => take.state === "queued" || take.state === "running");
}

// Replace children without touching those that stay, so that pictures and focus survive.
function fill(parent, nodes) {
  if (nodes.length === parent.children.length && nodes.every((node, index) => parent.children[index] === node)) return;
  parent.replaceChildren(...nodes);
}

function drawTrail() {
  const way = [];
  for (let take = takes.get(takes.get(chosen)?.parent); take; take = takes.get(take.parent)) way.unshift(take);
  const buttons = way.map((take) => element("button", { type: "button", class: "quiet", onclick: () => studio.choose(take.id) },
    take.name || `Take ${take.id.slice(1)}`));
  byId("trail").replaceChildren(...(buttons.length ? ["Follows from ", ...buttons] : []));
}

async function chooseModel(name) {
  model = name;
  byId("model").value = name;
  const card = await studio.card(name);
  if (model !== name) return;
  byId("card").replaceChildren(...describe(card));
  const upload = async (file) => attempt(() => post(`/api/files?as=field&name=${encodeURIComponent(file.name)}&model=${encodeURIComponent(name)}`, file));
  const fields = card.request.filter((entry) => entry.type === "file" || !entry.names_file); // edits name their file
  const request = new Form(fields, { upload });
  const plain = card.controls.filter((entry) => entry.name !== "temperature");
  const controls = new Form(plain, { values: card.defaults });
  forms = { card, request, controls };
  byId("fields").replaceChildren(...labelMenus(card.labels), ...request.folded("More settings"));
  byId("temperature").value = card.defaults.temperature ?? 1;
  showTemperature();
  byId("more").replaceChildren(element("details", {}, element("summary", {}, "Length and sampling"),
    numberField("length", `Length in ${card.unit}s`, "", "Length at which a piece is led to its end; empty for the default."),
    numberField("candidates", "Candidates", card.candidates, "Pieces that are drawn for each take, of which the best is kept; 0 for the plugin's choice."),
    numberField("seed", "First seed", "", "Each take has its own seed; empty for the next one that was not used."),
    ...controls.nodes));
  byId("pen").hidden = !card.reads.includes(".inkml");
  sessionStorage.setItem("model", name);
}

function numberField(name, label, value, help) {
  return element("label", { class: "field", "data-name": name }, element("span", {}, label),
    element("input", { id: `field-${name}`, type: "number", min: "0", value }), element("small", {}, help));
}

function describe(card) {
  const rows = {
    "Trained on": card.corpus.join(", ") || "files",
    Licence: [...new Set(card.licences.map((item) => licenceName(item.licence)))].join(", "),
    Loss: card.loss ? `${card.loss.toFixed(3)} nats per ${card.unit}, held out` : "",
    Network: card.network,
    Date: new Date(card.changed * 1000).toISOString().slice(0, 10),
  };
  const list = Object.entries(rows).filter(([, value]) => value).flatMap(([name, value]) => [
    element("dt", {}, name), element("dd", {}, value)]);
  return [element("p", {}, `${card.summary[0].toUpperCase()}${card.summary.slice(1)}.`), element("dl", {}, ...list)];
}

// An SPDX identifier in words: "LicenseRef-public-domain" is "public domain".
function licenceName(identifier) {
  return identifier.startsWith("LicenseRef-") ? identifier.slice(11).replaceAll("-", " ") : identifier;
}

function showTemperature() {
  byId("temperature-value").textContent = Number(byId("temperature").value).toFixed(2);
}

async function openFile(file) {
  if (file.name.endsWith(".seqforge.json")) return openSession(file);
  const address = `/api/files?name=${encodeURIComponent(file.name)}&model=${encodeURIComponent(model)}`;
  const result = await attempt(() => post(address, file));
  if (!result) return undefined;
  for (const take of result.takes) receive(take);
  chosen = result.takes[0].id;
  say(`${file.name} is open: ${result.takes.length === 1 ? "one piece" : `${result.takes.length} pieces`}.`);
  return draw();
}

async function openSession(file) {
  const result = await attempt(() => post("/api/session/file", file));
  if (!result) return;
  for (const take of result.takes) receive(take);
  chosen = result.takes.at(-1)?.id ?? chosen;
  say("The session is open; its takes are generated again.");
  draw();
}

function pick(accept, use, multiple = false) {
  const input = element("input", { type: "file", accept, multiple, onchange: () => [...input.files].forEach(use) });
  input.click();
}

async function load() {
  const session = await get("/api/session");
  if (session.session !== sessionName) {
    takes.clear();
    views.clear();
    sessionName = session.session;
  }
  const known = new Set(session.takes.map((take) => take.id));
  for (const id of [...takes.keys()]) if (!known.has(id)) takes.delete(id);
  for (const take of session.takes) receive(take);
  const groups = Map.groupBy?.(session.models, (entry) => entry.plugin) ?? new Map();
  if (!groups.size) for (const entry of session.models) groups.set(entry.plugin, [...(groups.get(entry.plugin) ?? []), entry]);
  const nodes = [...groups].map(([plugin, entries]) => element("optgroup", { label: plugin },
    ...entries.map((entry) => element("option", { value: entry.name }, entry.name))));
  byId("model").replaceChildren(...nodes);
  if (session.note) say(session.note, true);
  const names = session.models.map((entry) => entry.name);
  const last = sessionStorage.getItem("model");
  const first = names.includes(model) ? model : names.includes(last) ? last : names[0];
  byId("model").value = first;
  if (first && (first !== model || !forms)) await chooseModel(first);
  draw();
}

function showView(name) {
  for (const part of ["studio", "training"]) {
    byId(part).hidden = part !== name;
    byId(`view-${part}`).setAttribute("aria-pressed", String(part === name));
  }
  if (name === "training") trainingView.open();
  else {
    trainingView.close();
    attempt(load); // a training may have written a new model
  }
}

const trainingView = new TrainingView(byId("training"), (opened) => {
  showView("studio");
  for (const take of opened) receive(take);
  studio.choose(opened[0].id);
});
let isLost = false;

function setUp() {
  const dark = localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = dark;
  byId("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
  });
  byId("model").addEventListener("change", (event) => attempt(() => chooseModel(event.target.value)));
  byId("temperature").addEventListener("input", showTemperature);
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => generate({ ...common(), model, request: forms.request.values(), seed: freshSeed() }));
  });
  byId("stop").addEventListener("click", () => attempt(() => post("/api/stop")));
  byId("open-file").addEventListener("click", () => pick("", openFile, true));
  byId("pen").addEventListener("click", () => openPad(openFile));
  byId("save-session").addEventListener("click", () => attempt(async () => say(`Saved ${await download("/api/session/file")}.`)));
  byId("open-session").addEventListener("click", () => pick(".json", openSession));
  byId("view-studio").addEventListener("click", () => showView("studio"));
  byId("view-training").addEventListener("click", () => showView("training"));
  const board = byId("board");
  acceptDrops(board, (files) => files.forEach(openFile));
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, button, summary, dialog");
    if (event.key === " " && !isTyping && chosen) {
      event.preventDefault();
      view(chosen).toggleSound();
    }
    if (event.key === "Escape") {
      player.stop();
      for (const item of views.values()) item.rewind();
      say("");
    }
  });
  byId("message-close").addEventListener("click", () => say(""));
  setUpPad();
}

setUp();
listen({
  hello: () => {
    if (isLost) say("");
    isLost = false;
    attempt(load);
  },
  reload: () => attempt(load),
  take: (take) => { receive(take); draw(); },
  grown: (values) => {
    const take = takes.get(values.id);
    if (take) take.growth = values; // for a view that is created later
    views.get(values.id)?.grow(values);
  },
  removed: ({ id }) => { takes.delete(id); views.delete(id); draw(); },
}, () => {
  isLost = true;
  say("The connection to the server is lost. If it has ended, start it again, open the address that it prints, and open the session file there.", true);
});
