// Where a text comes in: by camera, picture or paste. Must know no text's meaning; `taken` gets it.

import { button, el } from "./dom.js";
import { Fault } from "./fault.js";
import { canScan, inPicture, scan } from "./scan.js";
import * as text from "./text.js";
import { say } from "./words.js";

const MOST = 4096; // characters of a link with the longest text in it; a browser lays out no more then
let count = 0;

// `taken(text)` may throw; `app.guard` tells it.
export function intake(app, label, taken) {
  count += 1;
  const name = `intake-${count}`;
  const area = el("textarea", {
    id: name, rows: "3", maxlength: String(MOST), autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    placeholder: say("paste-here"),
  });
  const give = (shown) => app.guard(async () => {
    const clean = text.cleaned(shown);
    if (!clean) throw new Fault("fault-empty");
    await taken(clean);
    area.value = "";
  });
  const scanning = el("div", { class: "scanning" }, el("p", { class: "hint" }, say("scan-none")));
  canScan().then((can) => can && scanning.replaceChildren(...scanner(app, give)), () => null);
  return el("div", { class: "intake" },
    scanning,
    el("label", { for: name }, label),
    area,
    button(say("take"), () => give(area.value), "main"));
}

function scanner(app, give) {
  const video = el("video", { playsinline: "", hidden: true, "aria-label": say("camera") });
  const pick = el("input", { type: "file", accept: "image/*", hidden: true });
  const start = button(say("scan"), () => app.guard(async () => {
    const stop = new AbortController();
    app.onLeave(() => stop.abort());
    video.hidden = false;
    start.disabled = true;
    try {
      const found = await scan(video, stop.signal);
      if (found) await give(found);
    } finally {
      video.hidden = true;
      start.disabled = false;
    }
  }), "main");
  pick.addEventListener("change", () => app.guard(async () => {
    if (pick.files.length) await give(await inPicture(pick.files[0]));
  }));
  return [start, button(say("picture"), () => pick.click()), pick, video];
}
