// The view of a visitor: the invites that came in, and the code of one. Must know no key.

import { button, el, fold, status } from "./dom.js";
import { keyCard } from "./enrol_view.js";
import { intake } from "./intake.js";
import { read, standing } from "./invite.js";
import { terms } from "./invite_view.js";
import { liveCode } from "./live.js";
import { qrView } from "./qr_view.js";
import { say, time } from "./words.js";

export function visitView(app, { entry = app.wallet.received[0], asked = null } = {}) {
  return el("section", {},
    el("h1", {}, say("visit-title")),
    entry ? visit(app, entry, asked) : el("p", {}, say("visit-none")),
    others(app, entry),
    fold(say("visit-take"), intake(app, say("visit-paste"), (shown) => app.taken(shown))),
    fold(say("visit-key"), el("p", {}, say("visit-key-why")), keyCard(app)));
}

function visit(app, entry, asked) {
  const stated = read(entry.token);
  const word = standing(stated, app.now());
  const at = time(word === "early" ? stated.nbf : stated.exp);
  return el("div", {},
    status({ good: "good", early: "warn", over: "bad" }[word], say(`invite-${word}`, { at })),
    asked ? status("good", say("for-gate", asked)) : null,
    word === "over" ? null : screen(app, entry, stated, asked),
    stated.flags ? status("warn", say("company-visitor")) : null,
    fold(say("visit-facts"), terms(stated)),
    button(say("visit-drop"), () => app.guard(async () => {
      if (!window.confirm(say("forget-sure"))) return;
      await app.wallet.drop("received", entry);
      app.show("visit");
    }), "danger"));
}

// A bearer invite is its own code, so nothing renews; it is made by the same call.
function screen(app, entry, stated, asked) {
  if (stated.key) return liveCode(app, (now) => app.wallet.visit(entry, now, { asked }));
  const box = el("div", { class: "screen" });
  app.guard(async () => {
    box.replaceChildren(qrView(await app.wallet.visit(entry, app.now()), say("code-label")));
  });
  app.keepAwake();
  return el("div", { class: "live" }, box, el("p", { class: "hint" }, say("visit-bearer")));
}

function others(app, entry) {
  const rest = app.wallet.received.filter((one) => one !== entry);
  if (!rest.length) return null;
  return el("ul", { class: "list" }, rest.map((one) => {
    const { audience, exp } = read(one.token);
    const label = `${audience ?? say("invite-unnamed")}, ${say("until")} ${time(exp)}`;
    return el("li", {}, button(label, () => app.show("visit", { entry: one })));
  }));
}
