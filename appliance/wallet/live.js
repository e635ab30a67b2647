// A code that renews itself while it is looked at, with what is left of it. Must know no kind of code.

import { SECONDS } from "./code.js";
import { el, status } from "./dom.js";
import { qrView } from "./qr_view.js";
import { say } from "./words.js";

const RETRY_MS = 2000;

// `make(now)` gives the text; what it throws is told in the place of the code.
export function liveCode(app, make) {
  const screen = el("button", { type: "button", class: "screen", "aria-pressed": "false", "aria-label": say("code-enlarge") });
  const trouble = el("div", { role: "alert" });
  const bar = el("progress", { max: String(SECONDS), value: String(SECONDS), "aria-hidden": "true" });
  const left = el("p", { class: "left" });
  let due = 0;
  let isBusy = false;

  async function renew(now) {
    isBusy = true;
    try {
      screen.replaceChildren(qrView(await make(Math.floor(now / 1000)), say("code-label")));
      trouble.replaceChildren();
      due = Math.floor(now / 1000) * 1000 + SECONDS * 1000;
    } catch (error) {
      screen.replaceChildren();
      const sentence = app.sentence(error);
      if (!trouble.textContent.includes(sentence)) trouble.replaceChildren(status("bad", sentence));
      due = now + RETRY_MS;
    } finally {
      isBusy = false;
      screen.hidden = !screen.firstChild;
      if (screen.hidden) enlarge(false);
    }
  }

  function enlarge(isLarge) {
    document.body.classList.toggle("large", isLarge);
    screen.setAttribute("aria-pressed", String(isLarge));
  }

  function leave(event) {
    if (event.key === "Escape") enlarge(false);
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
  screen.addEventListener("click", () => enlarge(!document.body.classList.contains("large")));
  document.addEventListener("keydown", leave);
  app.onLeave(() => {
    document.removeEventListener("keydown", leave);
    document.body.classList.remove("large");
  });
  return el("div", { class: "live" }, screen, trouble, bar, left, el("p", { class: "hint" }, say("bright")));
}
