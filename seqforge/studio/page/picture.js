// Pictures: SVG inside a shadow root, ink that is drawn in time, and the strip of surprise.

import { element } from "./dom.js";

const PEN_SPEED = 900; // length units of the picture, scaled to its width, per second

// Styles in attributes would be refused by the content security policy, and are applied through the CSS object model.
function parse(text) {
  const quiet = text.replaceAll(/\sstyle="/g, ' data-style="').replaceAll(/<(\/?)style\b/g, "<$1metadata");
  const page = new DOMParser().parseFromString(quiet, "image/svg+xml");
  return page.documentElement.localName === "svg" ? document.importNode(page.documentElement, true) : null;
}

export class Picture {
  constructor(text) {
    this.host = element("div", { class: "host" });
    this.stage = element("div", { class: "stage" }, this.host);
    const root = this.host.attachShadow({ mode: "open" });
    this.svg = parse(text);
    if (!this.svg) return;
    const sheets = [...this.svg.querySelectorAll("metadata")].map((node) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(node.textContent);
      node.remove();
      return sheet;
    });
    const size = new CSSStyleSheet();
    size.replaceSync(":host > svg { display: block; width: 100%; height: auto; }");
    root.adoptedStyleSheets = [size, ...sheets];
    const { width, height } = this.svg.attributes;
    if (!this.svg.hasAttribute("viewBox") && width && height) {
      this.svg.setAttribute("viewBox", `0 0 ${parseFloat(width.value)} ${parseFloat(height.value)}`);
    }
    this.naturalWidth = parseFloat(width?.value ?? "800");
    this.svg.removeAttribute("width");
    this.svg.removeAttribute("height");
    this.svg.setAttribute("aria-hidden", "true");
    root.append(this.svg);
    for (const node of root.querySelectorAll("[data-style]")) node.style.cssText = node.dataset.style;
  }

  // Make the picture small enough to be seen as a whole, unless it is much taller than wide.
  fit() {
    const { width, height } = this.svg.viewBox.baseVal ?? {};
    if (width && height) this.stage.style.maxWidth = `${Math.max(20, (26 * width) / height).toFixed(1)}rem`;
  }

  // The place of an element of the picture, in fractions of the stage.
  box(id) {
    const node = this.host.shadowRoot.getElementById(id);
    const all = this.host.getBoundingClientRect();
    if (!node || !all.width) return null;
    const box = node.getBoundingClientRect();
    return {
      left: (box.left - all.left) / all.width, top: (box.top - all.top) / all.height,
      width: box.width / all.width, height: box.height / all.height,
    };
  }

  // Draw the paths one after the other, as a pen did; resolves at the end, or when `signal` is aborted.
  draw(signal) {
    const paths = [...this.host.shadowRoot.querySelectorAll("path, polyline, circle")];
    const unit = (this.svg.viewBox.baseVal?.width || 100) / 1000;
    const lengths = paths.map((path) => Math.max(path.getTotalLength?.() ?? 0, unit));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const speed = Math.max(PEN_SPEED * unit, total / 12);
    const show = (drawn) => {
      let before = 0;
      paths.forEach((path, index) => {
        const part = Math.min(Math.max(drawn - before, 0), lengths[index]);
        path.style.strokeDasharray = part >= lengths[index] ? "none" : `${part} ${lengths[index] + unit}`;
        path.style.visibility = part > 0 ? "visible" : "hidden";
        before += lengths[index];
      });
    };
    return new Promise((resolve) => {
      const start = performance.now();
      const step = (now) => {
        const drawn = signal.aborted ? total : ((now - start) / 1000) * speed;
        show(drawn);
        if (drawn >= total) resolve();
        else requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    });
  }
}

// A strip that shows how surprising each step was to the model.
export function heatLine(scores) {
  const canvas = element("canvas", {
    class: "heat", width: 600, height: 10, role: "img",
    "aria-label": `Surprise of the model along the piece, on average ${mean(scores).toFixed(2)} nats per step`,
  });
  const context = canvas.getContext("2d");
  for (let x = 0; x < 600; x += 1) {
    const from = Math.floor((x * scores.length) / 600);
    const to = Math.max(from + 1, Math.floor(((x + 1) * scores.length) / 600));
    const value = Math.min(1, Math.max(0, Math.max(...scores.slice(from, to)) / 6));
    context.fillStyle = `rgba(162, 59, 30, ${value.toFixed(3)})`;
    context.fillRect(x, 0, 1, 10);
  }
  return canvas;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}
