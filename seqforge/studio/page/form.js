// A form made from the fields of a plugin: their types, choices, units, defaults and help.

import { element } from "./dom.js";

const SHOWN = 6; // the fields that are not folded away

export class Form {
  constructor(entries, { values = {}, upload = null } = {}) {
    this.entries = entries;
    this.controls = new Map();
    this.files = new Map();
    this.nodes = entries.map((entry) => this.#field(entry, values[entry.name], upload));
  }

  // The fields that differ from their defaults.
  values() {
    const values = {};
    for (const entry of this.entries) {
      const value = this.#value(entry);
      if (value !== undefined && value !== entry.default) values[entry.name] = value;
    }
    return values;
  }

  set(values) {
    for (const entry of this.entries) {
      const value = values[entry.name] ?? entry.default;
      const control = this.controls.get(entry.name);
      if (entry.type === "boolean") control.checked = Boolean(value);
      else if (entry.type !== "file") control.value = value ?? "";
    }
  }

  folded(title) {
    const main = this.nodes.slice(0, SHOWN);
    const rest = this.nodes.slice(SHOWN);
    if (!rest.length) return main;
    return [...main, element("details", {}, element("summary", {}, `${title} (${rest.length})`), ...rest)];
  }

  #value(entry) {
    if (entry.type === "file") return this.files.get(entry.name);
    const control = this.controls.get(entry.name);
    if (entry.type === "boolean") return control.checked;
    if (control.value === "") return entry.optional ? null : entry.default;
    if (entry.type === "integer") return Math.round(Number(control.value));
    if (entry.type === "number") return Number(control.value);
    return control.value;
  }

  #field(entry, value, upload) {
    const start = value ?? entry.default;
    const help = entry.help ? element("small", {}, entry.help) : null;
    const isNew = entry.unit && entry.unit.toLowerCase() !== entry.label;
    const unit = isNew && !entry.names_file ? element("em", {}, entry.unit.toLowerCase()) : null;
    const label = element("span", {}, capitalized(entry.label), unit);
    const control = this.#control(entry, start, upload);
    this.controls.set(entry.name, control);
    const attributes = { class: "field", "data-name": entry.name };
    if (entry.type === "boolean") {
      return element("label", { ...attributes, class: "field check" }, control, label, help);
    }
    return element("label", attributes, label, control, help);
  }

  #control(entry, start, upload) {
    if (entry.type === "boolean") return element("input", { type: "checkbox", checked: Boolean(start) });
    if (entry.type === "choice") {
      const options = entry.choices.map((choice) => element("option", { value: choice }, String(choice)));
      if (entry.optional || start === null) options.unshift(element("option", { value: "" }, "chosen by the model"));
      return element("select", { value: start ?? "" }, ...options);
    }
    if (entry.type === "integer" || entry.type === "number") {
      const step = entry.type === "integer" ? 1 : "any";
      return element("input", { type: "number", step, value: start ?? "" });
    }
    if (entry.type === "file") {
      const change = async (event) => {
        const [file] = event.target.files;
        const answer = file && upload ? await upload(file) : null;
        if (answer) this.files.set(entry.name, { file: answer.file });
        else this.files.delete(entry.name);
      };
      return element("input", { type: "file", onchange: change });
    }
    if (/text|prompt/.test(entry.name) && !entry.names_file) return element("textarea", { value: start ?? "", rows: 2 });
    return element("input", { type: "text", value: start ?? "" });
  }
}

// Menus for the labels of a model.
export function labelMenus(labels) {
  return Object.entries(labels).map(([name, values]) => {
    const options = values.map((value) => element("option", { value }, value));
    options.unshift(element("option", { value: "" }, "any"));
    const menu = element("select", { "data-label": name }, ...options);
    return element("label", { class: "field" }, element("span", {}, capitalized(name)), menu);
  });
}

function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
