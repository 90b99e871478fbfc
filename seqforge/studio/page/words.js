// Text of a take: the surprise of each token as its background, and its regions as stretches that can be chosen.

import { element } from "./dom.js";

export function isCode(text) {
  return /^%abc|^X:|\nK:/m.test(text);
}

// Fill an element with the text of a take; returns the element of each region that the text shows, by its place.
export function fillWords(target, take) {
  const characters = [...take.text]; // the numbers of a region count characters, not UTF-16 units
  const shades = shadesOf(take, characters.length);
  const lines = new Map();
  const parts = [];
  let at = 0;
  (take.regions ?? []).forEach((region, index) => {
    const [start, end] = region.characters;
    if (start < at || end <= start || end > characters.length) return;
    parts.push(...spans(characters, shades, at, start));
    const line = element("span", { class: "line", role: "button", "aria-label": `${region.name}: ${characters.slice(start, end).join("")}` },
      ...spans(characters, shades, start, end));
    lines.set(index, line);
    parts.push(line);
    at = end;
  });
  parts.push(...spans(characters, shades, at, characters.length));
  target.replaceChildren(...parts);
  return lines;
}

// The shade of each character, from 0 to 1; tokens are the last characters of the text.
function shadesOf(take, count) {
  const shades = new Array(count).fill(0);
  const tokens = (take.tokens ?? []).map((token) => [...token]);
  let at = count - tokens.reduce((sum, token) => sum + token.length, 0);
  tokens.forEach((token, index) => {
    const share = Math.min(1, Math.max(0, (take.scores?.[index] ?? 0) - 1) / 6);
    for (let place = 0; place < token.length; place += 1, at += 1) if (at >= 0) shades[at] = share;
  });
  return shades;
}

function spans(characters, shades, from, to) {
  const nodes = [];
  for (let start = from; start < to;) {
    let end = start + 1;
    while (end < to && shades[end] === shades[start]) end += 1;
    const text = characters.slice(start, end).join("");
    if (shades[start] > 0.05) {
      const span = element("span", {}, text);
      span.style.backgroundColor = `rgba(162, 59, 30, ${(shades[start] * 0.45).toFixed(3)})`;
      nodes.push(span);
    } else nodes.push(text);
    start = end;
  }
  return nodes;
}
