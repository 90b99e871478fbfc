// One take: its picture, what grows, what it sounds like, and what can be done with it.

import { attempt, element, say } from "./dom.js";
import { Picture, heatLine } from "./picture.js";
import * as player from "./player.js";
import { Regions } from "./regions.js";
import { download, get, getBytes, getText, post, remove } from "./server.js";
import { fillWords, isCode } from "./words.js";

const STATES = { queued: "waiting", running: "growing", failed: "failed", stopped: "stopped" };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class TakeView {
  // `studio` has card(model), edit(take, kind, numbers), again(take), choose(id) and pin(id).
  constructor(take, studio) {
    this.studio = studio;
    this.chosen = new Set();
    this.shown = "";
    this.pausedAt = null; // the time in seconds at which the sound goes on
    this.title = element("h2");
    this.state = element("span", { class: "state" });
    this.likeButton = element("button", { class: "quiet like", type: "button", onclick: () => this.#like() });
    this.show = element("div", { class: "show", tabindex: "0", role: "region" });
    this.chips = element("div");
    this.tools = element("div", { class: "tools" });
    this.facts = element("div", { class: "facts" });
    this.sizeButton = element("button", {
      class: "quiet", type: "button", "aria-pressed": "false", onclick: (event) => { event.stopPropagation(); this.#resize(); },
    }, "⤢");
    const header = element("header", {}, this.title, this.state, this.sizeButton, this.likeButton);
    this.node = element("article", { class: "take", "data-take": take.id, onclick: () => studio.choose(take.id) },
      header, this.show, this.chips, this.tools, this.facts);
    this.update(take);
  }

  update(take) {
    this.take = take;
    this.title.textContent = take.name || `Take ${take.id.slice(1)}`;
    const seed = take.recipe ? `seed ${take.recipe.seed}` : "";
    const waiting = take.state === "queued" && take.position ? `waiting, ${take.position} before it` : STATES[take.state];
    this.state.textContent = waiting ?? seed;
    this.node.dataset.state = take.state;
    this.likeButton.textContent = take.liked ? "♥" : "♡";
    this.likeButton.setAttribute("aria-pressed", String(take.liked));
    this.likeButton.setAttribute("aria-label", `Keep ${this.title.textContent}`);
    this.sizeButton.setAttribute("aria-label", `Show ${this.title.textContent} over the full width`);
    this.show.setAttribute("aria-label", `${this.title.textContent}: the piece`);
    const content = `${take.state} ${take.digest ?? ""} ${take.error?.message ?? ""}`;
    if (content === this.shown) return;
    const wasShown = this.shown;
    this.shown = content;
    if (take.state === "done") this.#showDone(wasShown !== "");
    else if (take.state === "failed") this.#showError(take.error.message);
    else if (take.state === "stopped") this.#showError("This take was stopped.");
    else this.#showGrowing();
    this.#showTools();
  }

  grow(values) {
    if (this.take.state !== "running" && this.take.state !== "queued") return;
    this.state.textContent = `${values.steps} steps`;
    if (values.text) this.#words(values.text, this.growing);
    if (values.svg) {
      const picture = new Picture(values.svg);
      if (picture.svg) {
        picture.fit();
        this.growing.replaceChildren(picture.stage);
      }
    }
    this.show.scrollTop = this.show.scrollHeight;
  }

  async toggleSound() {
    const { take } = this;
    if (take.state !== "done") return;
    if (this.drawing) {
      this.drawing.abort();
      return;
    }
    if (player.isPlaying(take.id)) {
      this.pausedAt = player.pause();
      this.#mark(false);
      return;
    }
    if (take.sound) {
      const start = this.pausedAt ?? this.regions?.start(this.chosen) ?? 0;
      this.pausedAt = null;
      const onTime = (time) => this.#follow(time);
      await attempt(() => player.play(take.id, () => getBytes(`/api/takes/${take.id}/sound`), start, onTime));
      this.#mark(player.isPlaying(take.id));
    } else if (take.drawn && this.picture) {
      await this.#draw();
    }
  }

  // Let the sound begin at its start, or at the first chosen region, when it is played next.
  rewind() {
    if (this.pausedAt === null) return;
    this.pausedAt = null;
    this.#follow(null);
  }

  async #draw() {
    this.drawing = new AbortController();
    this.#mark(true);
    await this.picture.draw(this.drawing.signal);
    this.drawing = null;
    this.#mark(false);
  }

  #follow(time) {
    if (time === null) this.#mark(false);
    const region = this.regions?.follow(time);
    const button = region && this.regions.cursor;
    if (button && this.show.scrollHeight > this.show.clientHeight) {
      const place = button.offsetTop - this.show.clientHeight / 2;
      if (Math.abs(place - this.show.scrollTop) > this.show.clientHeight / 2) this.show.scrollTop = place;
      this.show.scrollLeft = Math.max(0, button.offsetLeft - this.show.clientWidth / 2);
    }
  }

  #mark(playing) {
    if (!this.playButton) return;
    const [start, stop] = this.take.sound ? ["▶ Play", "❚❚ Pause"] : ["▶ Draw", "■ Stop"];
    this.playButton.textContent = playing ? stop : start;
    this.playButton.setAttribute("aria-pressed", String(playing));
  }

  #showGrowing() {
    this.growing = element("div");
    this.show.replaceChildren(element("div", { class: "bar-growing" }), this.growing);
    this.chips.replaceChildren();
    this.facts.textContent = "";
    if (this.take.growth?.steps) this.grow(this.take.growth);
  }

  #showError(text) {
    this.show.replaceChildren(element("p", { class: "error" }, text.replaceAll("`", "")));
    this.chips.replaceChildren();
    this.facts.textContent = "";
  }

  #words(text, target) {
    target.replaceChildren(element("p", { class: isCode(text) ? "words code" : "words" }, text));
  }

  async #showDone(isNew) {
    const { take } = this;
    this.facts.textContent = this.#factText();
    this.regions = this.picture = null;
    this.lines = new Map();
    if (!take.picture) {
      const words = element("div");
      this.#tokens(take, words);
      this.show.replaceChildren(words);
      this.#addRegions();
      return;
    }
    const svg = await attempt(() => getText(`/api/takes/${take.id}/picture`));
    if (svg === undefined || this.take.digest !== take.digest) return;
    const picture = new Picture(svg);
    if (!picture.svg) return;
    this.picture = picture;
    if (picture.naturalWidth > 1000) picture.stage.style.width = `${picture.naturalWidth}px`;
    if (take.drawn) picture.fit();
    this.show.replaceChildren(picture.stage);
    this.#addRegions();
    this.node.dataset.ready = "picture";
    if (isNew && take.drawn && !calm.matches) await this.#draw();
  }

  // Text, with the surprise of each token as its background.
  #tokens(take, target) {
    this.#words("", target);
    const words = target.firstElementChild;
    if (isCode(take.text)) words.classList.add("code");
    this.lines = fillWords(words, take);
  }

  #addRegions() {
    const { take } = this;
    const nodes = [];
    if (take.scores?.length) nodes.push(heatLine(take.scores));
    if (take.regions?.length) {
      this.regions = new Regions(take.regions, this.picture, this.lines, this.chosen, () => {
        this.rewind();
        this.#showTools();
      });
      if (this.regions.chips.children.length) nodes.push(this.regions.chips);
    }
    this.chips.replaceChildren(...nodes);
  }

  #factText() {
    const { take } = this;
    const facts = [];
    if (take.exact === true) facts.push("identical to the saved session");
    if (take.exact === false) facts.push("differs from the saved session (another version or processor)");
    if (take.ended === false) facts.push("stopped at the length limit");
    if (take.recipe?.edit) facts.push(`${take.recipe.edit.kind} of take ${take.parent.slice(1)}`);
    for (const [name, value] of Object.entries(take.labels ?? {})) facts.push(`${name}: ${value}`);
    if (take.skipped?.length) facts.push(`skipped: ${take.skipped[0]}`);
    facts.push(...(take.notes ?? []));
    return facts.join(" · ").replaceAll("`", "");
  }

  async #showTools() {
    const { take, studio } = this;
    const tool = (text, action, attributes = {}) => element("button", {
      type: "button", ...attributes, onclick: (event) => { event.stopPropagation(); attempt(action); },
    }, text);
    if (take.state === "queued" || take.state === "running") {
      this.tools.replaceChildren(tool("Stop this take", () => post(`/api/takes/${take.id}/stop`)));
      return;
    }
    if (take.state !== "done") {
      this.tools.replaceChildren(tool("Remove", () => remove(`/api/takes/${take.id}`)));
      return;
    }
    const card = await studio.card(take.model);
    const numbers = [...this.chosen].sort((a, b) => a - b);
    const canRewrite = card.edits.includes("rewrite") && take.regions?.length;
    this.playButton = take.sound || take.drawn
      ? tool("▶ Play", () => this.toggleSound(), { class: "primary play", "aria-pressed": "false" }) : null;
    const formats = element("select", { "aria-label": "Download as", onclick: (event) => event.stopPropagation(),
      onchange: (event) => {
        const suffix = event.target.value;
        event.target.value = "";
        if (suffix) attempt(async () => say(`Saved ${await download(`/api/takes/${take.id}/file?format=${suffix}`)}.`));
      } },
    element("option", { value: "" }, "Download…"), ...card.writes.map((suffix) => element("option", { value: suffix }, suffix)));
    const name = numbers.length ? `Rewrite ${listed(numbers, take.regions)}` : "Rewrite…";
    const main = [
      this.playButton,
      card.edits.includes("continue") ? tool("Continue", () => studio.edit(take, "continue", []), { "data-do": "continue" }) : null,
      card.edits.includes("vary") ? tool("Vary", () => studio.edit(take, "vary", []), { "data-do": "vary" }) : null,
      canRewrite ? tool(name, () => studio.edit(take, "rewrite", numbers), {
        "data-do": "rewrite", disabled: !numbers.length, title: "Choose bars or lines in the picture first; all others stay as they are.",
      }) : null,
    ];
    const other = [
      take.recipe ? tool("More like this", () => studio.again(take), { "data-do": "again" }) : null,
      tool("Compare", () => studio.pin(take.id), { "data-do": "compare" }),
      formats,
      take.recipe ? tool("Command", () => this.#command(), { "data-do": "command" }) : null,
      tool("Score", () => this.#score(), { "data-do": "score" }),
      tool("Remove", () => remove(`/api/takes/${take.id}`), { "data-do": "remove" }),
    ];
    this.tools.replaceChildren(element("div", {}, ...main), element("div", { class: "plain" }, ...other));
    this.#mark(player.isPlaying(take.id) || Boolean(this.drawing));
  }

  async #command() {
    const { command } = await get(`/api/takes/${this.take.id}/command`);
    const code = element("code", {}, command);
    this.facts.replaceChildren("This command line makes the same file:", code);
    try {
      await navigator.clipboard.writeText(command);
      say("The command line is copied.");
    } catch {
      getSelection().selectAllChildren(code);
    }
  }

  async #score() {
    const result = await post(`/api/takes/${this.take.id}/score`);
    this.facts.textContent = `${result.nats_per_unit.toFixed(3)} nats per ${result.unit}, ${result.units} ${result.unit}s`;
    Object.assign(this.take, { scores: result.scores, tokens: result.tokens });
    if (!this.take.picture) {
      this.#tokens(this.take, this.show.firstElementChild);
      this.#addRegions();
    }
    const heat = this.chips.querySelector(".heat");
    if (heat) heat.replaceWith(heatLine(result.scores));
    else this.chips.prepend(heatLine(result.scores));
  }

  #resize() {
    const large = this.node.classList.toggle("large");
    this.sizeButton.setAttribute("aria-pressed", String(large));
  }

  async #like() {
    await attempt(() => post(`/api/takes/${this.take.id}/like`, { liked: !this.take.liked }));
  }
}

// "bars 5-8" for numbers of regions.
export function listed(numbers, regions) {
  const runs = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  const kind = regions.find((region) => region.number === numbers[0])?.name.split(" ")[0] ?? "part";
  const text = runs.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(", ");
  return `${kind}${numbers.length > 1 ? "s" : ""} ${text}`;
}
