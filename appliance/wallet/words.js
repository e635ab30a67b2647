// The sentences of the page in one language, out of words/. Must know nothing of what they are said of.

export const LANGUAGES = { en: "English", es: "Español", "zh-Hans": "简体中文" };
const CHOSEN = "yardpass-lang";
let sentences = {};
let language = "en";

function wanted() {
  let chosen = null;
  try {
    chosen = localStorage.getItem(CHOSEN);
  } catch {
    // storage is switched off: the browser's language then
  }
  const asked = [chosen, ...(navigator.languages ?? [navigator.language])].filter(Boolean);
  const names = Object.keys(LANGUAGES);
  const fitting = (tag) => names.find((name) => name.split("-")[0] === tag.split("-")[0]);
  return asked.map(fitting).find(Boolean) ?? "en";
}

async function read(name) {
  const answer = await fetch(`words/${name}.json`);
  if (!answer.ok) throw new Error(`words/${name}.json: ${answer.status}`);
  return answer.json();
}

export async function load() {
  language = wanted();
  sentences = await read(language);
  document.documentElement.lang = language;
}

export async function choose(name) {
  try {
    localStorage.setItem(CHOSEN, name);
  } catch {
    // then for this visit alone
  }
  language = name;
  sentences = await read(name);
  document.documentElement.lang = name;
}

export const chosen = () => language;

// The sentence of this name, {values} put in; the name itself where a catalogue lacks it.
export function say(word, values = {}) {
  const text = sentences[word] ?? word;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function time(at) {
  const form = { dateStyle: "medium", timeStyle: "short" };
  const region = (navigator.languages ?? []).find((tag) => tag.split("-")[0] === language.split("-")[0]);
  return new Intl.DateTimeFormat(region ?? language, form).format(new Date(at * 1000));
}
