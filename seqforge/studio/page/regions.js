// Regions of a piece that can be chosen: buttons over the picture, stretches of the text, or a row of buttons.

import { element } from "./dom.js";

// One of the buttons is a tab stop, and the arrow keys move between them.
export class Regions {
  // `lines` has an element of the text for the numbers of the regions that the text shows.
  constructor(regions, picture, lines, chosen, onChange) {
    this.regions = regions;
    this.picture = picture;
    this.chips = element("div", { class: "chips", role: "group", "aria-label": "Parts of the piece" });
    this.buttons = regions.map((region, index) => {
      const button = lines.get(index) ?? element("button", { type: "button", "aria-label": region.name, title: region.name });
      button.setAttribute("aria-pressed", String(chosen.has(region.number)));
      button.tabIndex = index ? -1 : 0;
      button.addEventListener("click", (event) => {
        event.stopPropagation();
        this.#toggle(region.number, chosen, onChange, event.shiftKey);
      });
      button.addEventListener("keydown", (event) => {
        if (lines.has(index) && (event.key === "Enter" || event.key === " ")) {
          event.preventDefault();
          event.stopPropagation();
          button.click();
        } else this.#walk(event, index);
      });
      return button;
    });
    this.#place(lines);
  }

  #place(lines) {
    this.regions.forEach((region, index) => {
      if (lines.has(index)) return;
      const box = region.element ? this.picture?.box(region.element) : null;
      const button = this.buttons[index];
      if (box) {
        Object.assign(button.style, {
          left: `${box.left * 100}%`, top: `${box.top * 100}%`,
          width: `${box.width * 100}%`, height: `${box.height * 100}%`,
        });
        button.classList.add("region");
        this.picture.stage.append(button);
      } else {
        button.textContent = region.name;
        this.chips.append(button);
      }
    });
  }

  #toggle(number, chosen, onChange, range) {
    const last = [...chosen].at(-1);
    const isRange = range && last !== undefined;
    const [from, to] = isRange ? [Math.min(last, number), Math.max(last, number)] : [number, number];
    const on = isRange || !chosen.has(number);
    for (let value = from; value <= to; value += 1) {
      if (on) chosen.add(value);
      else chosen.delete(value);
    }
    this.regions.forEach((region, index) => {
      this.buttons[index].setAttribute("aria-pressed", String(chosen.has(region.number)));
    });
    onChange();
  }

  #walk(event, index) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = step && this.buttons[index + step];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.buttons[index].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  // Show where the sound is at a time in seconds.
  follow(time) {
    let place = null;
    this.regions.forEach((region, index) => {
      const span = time === null ? null : region.spans.find(([start, end]) => start <= time && time < end);
      this.buttons[index].classList.toggle("playing", Boolean(span));
      if (span) place = { region, share: (time - span[0]) / Math.max(span[1] - span[0], 1e-6), button: this.buttons[index] };
    });
    this.#moveCursor(place);
    return place?.region ?? null;
  }

  #moveCursor(place) {
    const isShown = place && place.button.classList.contains("region");
    if (!isShown) {
      this.cursor?.remove();
      this.cursor = null;
      return;
    }
    this.cursor ??= element("div", { class: "cursor" });
    if (!this.cursor.isConnected) this.picture.stage.append(this.cursor);
    const { left, top, width, height } = place.button.style;
    const x = parseFloat(left) + place.share * parseFloat(width);
    Object.assign(this.cursor.style, { left: `${x}%`, top, height });
  }

  start(chosen) {
    const first = this.regions.find((region) => chosen.has(region.number) && region.spans.length);
    return first ? first.spans[0][0] : 0;
  }
}
