// Elements of the page, made without any HTML text. Must know no wallet.

// el("p", {class: "hint", onclick: f}, "text", other elements, null)
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && typeof value !== "string") made[key] = value;
    else if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== false));
  return made;
}

export function button(label, onclick, kind = "") {
  return el("button", { type: "button", class: kind, onclick }, label);
}

// A line of status by shape, word and colour: kind is good, warn or bad.
export function status(kind, label) {
  const shape = { good: "●", warn: "▲", bad: "■" }[kind];
  return el("p", { class: `status ${kind}` }, el("span", { "aria-hidden": "true" }, shape), ` ${label}`);
}

export function facts(...pairs) {
  const rows = pairs.filter(Boolean).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("dl", {}, ...rows.flat());
}

export function field(label, input) {
  return el("label", { class: "field" }, el("span", {}, label), input);
}

export function fold(label, ...children) {
  return el("details", {}, el("summary", {}, label), ...children);
}
