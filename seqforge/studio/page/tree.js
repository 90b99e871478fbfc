// The tree of takes: what follows from what, walked with the arrow keys.

import { byId, element } from "./dom.js";

export class Tree {
  constructor(choose, play) {
    this.choose = choose;
    this.play = play;
    this.root = byId("tree");
    this.root.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(takes, chosen) {
    const hadFocus = this.root.contains(document.activeElement);
    const children = new Map();
    for (const take of takes.values()) {
      const parent = takes.has(take.parent) ? take.parent : "";
      children.set(parent, [...(children.get(parent) ?? []), take]);
    }
    const branch = (parent, level) => (children.get(parent) ?? []).map((take) => {
      const inner = branch(take.id, level + 1);
      const name = take.name || `Take ${take.id.slice(1)}`;
      const label = element("span", { class: "name" }, `${take.liked ? "♥ " : ""}${name}`);
      const source = take.recipe?.edit?.kind ?? (take.recipe ? take.plugin : "file");
      const hint = element("span", { class: "hint" }, source);
      const node = element("span", { class: "node" }, element("span", { class: `dot ${take.state}` }), label, hint);
      const item = element("li", {
        role: "treeitem", "aria-selected": String(take.id === chosen), "aria-level": level, "data-take": take.id,
        tabindex: take.id === chosen ? "0" : "-1", "aria-label": `${name}, ${take.state}`,
        "aria-expanded": inner.length ? "true" : null,
        onclick: (event) => { event.stopPropagation(); this.choose(take.id); },
      }, node);
      if (inner.length) item.append(element("ul", { role: "group" }, ...inner));
      return item;
    });
    this.root.replaceChildren(...branch("", 1));
    const focus = this.root.querySelector('[tabindex="0"]') ?? this.root.querySelector("[tabindex]");
    if (focus) focus.tabIndex = 0;
    if (hadFocus) focus?.focus();
  }

  #key(event) {
    const item = event.target.closest("[role=treeitem]");
    if (!item) return;
    const items = [...this.root.querySelectorAll("[role=treeitem]")];
    const place = items.indexOf(item);
    const next = {
      ArrowDown: items[place + 1],
      ArrowUp: items[place - 1],
      ArrowLeft: item.parentElement.closest("[role=treeitem]"),
      ArrowRight: item.querySelector("[role=treeitem]"),
      Home: items[0],
      End: items.at(-1),
    }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.stopPropagation();
      this.play(item.dataset.take);
    } else if (next) {
      event.preventDefault();
      next.focus();
      this.choose(next.dataset.take);
    }
  }
}
