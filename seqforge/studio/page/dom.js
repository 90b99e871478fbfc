// Elements without markup: text of users is always a text node.

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svgElement(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const SHOWN_MS = 12_000; // the time after which a message that is no error goes away
let hiding = 0;

export function say(text, bad = false) {
  clearTimeout(hiding);
  byId("message-text").textContent = text;
  byId("message").hidden = !text;
  if (text && !bad) hiding = setTimeout(() => { byId("message").hidden = true; }, SHOWN_MS);
  byId("message").classList.toggle("bad", bad);
}

// Call `use` with the files that are dropped on an element.
export function acceptDrops(node, use) {
  node.addEventListener("dragover", (event) => { event.preventDefault(); node.classList.add("over"); });
  node.addEventListener("dragleave", () => node.classList.remove("over"));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    node.classList.remove("over");
    use([...event.dataTransfer.files]);
  });
}

// Run an action, and show its error as one sentence.
export async function attempt(action) {
  try {
    const result = await action();
    return result;
  } catch (error) {
    say(error.message.replaceAll("`", ""), true);
    markField(error.field);
    return undefined;
  }
}

export function markField(name) {
  for (const field of document.querySelectorAll(".field.wrong")) field.classList.remove("wrong");
  if (name) document.querySelector(`.field[data-name="${CSS.escape(name)}"]`)?.classList.add("wrong");
}
