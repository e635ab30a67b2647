// A code that renews itself while it is looked at, with what is left of it. Must know no kind of code.

import { SECONDS } from "./code.js";
import { el, status } from "./dom.js";
import { qrView } from "./qr_view.js";
import { say } from "./words.js";

const RETRY_MS = 2000;

// `make(now)` gives the text; what it throws is told in the place of the code.
export function liveCode(app, make) {
  const screen = el("div", { class: "screen" });
  const bar = el("progress", { max: String(SECONDS), value: String(SECONDS), "aria-hidden": "true" });
  const left = el("p", { class: "left" });
  let due = 0;
  let isBusy = false;

  async function renew(now) {
    isBusy = true;
    try {
      screen.replaceChildren(qrView(await make(Math.floor(now / 1000)), say("code-label")));
      due = Math.floor(now / 1000) * 1000 + SECONDS * 1000;
    } catch (error) {
      screen.replaceChildren(status("bad", app.sentence(error)));
      due = now + RETRY_MS;
    } finally {
      isBusy = false;
    }
  }

  async function tick() {
    const now = Date.now();
    const isOff = now >= due || due - now > SECONDS * 1000; // over, or the clock was put back
    if (isOff && !isBusy && document.visibilityState === "visible") await renew(now);
    const seconds = Math.max(0, Math.ceil((due - Date.now()) / 1000));
    const isCode = screen.firstChild?.localName === "svg";
    bar.value = isCode ? Math.min(SECONDS, seconds) : 0;
    left.textContent = isCode ? say("code-left", { seconds }) : "";
  }

  app.every(tick);
  app.keepAwake();
  screen.addEventListener("click", () => document.body.classList.toggle("large"));
  app.onLeave(() => document.body.classList.remove("large"));
  return el("div", { class: "live" }, screen, bar, left, el("p", { class: "hint" }, say("bright")));
}
