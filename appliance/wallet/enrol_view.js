// The view of a phone without a pass: shows its key, takes the pass. Must know no storage.

import { copied } from "./share.js";
import { button, el, fold, status } from "./dom.js";
import { intake } from "./intake.js";
import { qrView } from "./qr_view.js";
import { say } from "./words.js";

export function keyCard(app, shown = app.wallet.keyText) {
  return el("div", { class: "card" },
    qrView(shown, say("key-label")),
    el("p", { class: "code key-text" }, shown),
    button(say("copy"), () => app.guard(() => copied(app, shown))));
}

// An iPhone keeps what is on its home screen apart from Safari: a key made here is not there.
function isLoose() {
  return navigator.standalone === false;
}

export function enrolView(app) {
  return el("section", {},
    app.wallet.wasCleared ? status("bad", say("fault-cleared")) : null,
    el("h1", {}, say("enrol-title")),
    isLoose() ? status("warn", say("enrol-home-first")) : null,
    el("h2", {}, say("enrol-show")),
    el("p", {}, say("enrol-show-why")),
    keyCard(app),
    el("h2", {}, say("enrol-take")),
    intake(app, say("enrol-paste"), (shown) => app.taken(shown)),
    fold(say("enrol-lost"), el("p", {}, say("enrol-lost-why"))));
}
