// The view of the phone itself: language, what is kept, what is checked, delete all. Must know no code.

import { button, el, facts, fold, status } from "./dom.js";
import { passFacts, standingLine } from "./code_view.js";
import { ED25519 } from "./cose.js";
import { keyCard } from "./enrol_view.js";
import { intake } from "./intake.js";
import { mark, toText } from "./keys.js";
import { LANGUAGES, choose, chosen, say, time } from "./words.js";

export function languages(app) {
  const options = Object.entries(LANGUAGES).map(([name, label]) =>
    el("option", { value: name, selected: name === chosen() }, label));
  const select = el("select", { id: "language", "aria-label": say("language") }, options);
  select.addEventListener("change", () => app.guard(async () => {
    await choose(select.value);
    app.frame();
  }));
  return select;
}

// The second key. It says nothing of whether there is one: who forces somebody may look here.
function forced(app) {
  const { wallet } = app;
  const card = el("div", {});
  const draw = async () => {
    card.replaceChildren(keyCard(app, toText(await wallet.second.key(wallet.holder.alg))));
  };
  const made = fold(say("forced-title"), el("p", {}, say("forced-why")), el("p", {}, say("forced-how")),
    el("p", {}, say("forced-key")), card,
    button(say("forced-renew"), () => app.guard(async () => {
      await wallet.second.renew(wallet.holder.alg);
      await draw();
    })));
  made.addEventListener("toggle", () => made.open && app.guard(draw));
  return made;
}

export function phoneView(app) {
  const { wallet } = app;
  const name = el("dd", {}, "…");
  mark(wallet.holder).then((found) => { name.textContent = found; });
  const kept = el("p", { class: "hint" });
  navigator.storage?.persisted?.().then((is) => { kept.textContent = say(is ? "kept-firm" : "kept-loose"); });
  return el("section", {},
    el("h1", {}, say("phone-title")),
    wallet.pass ? standingLine(wallet.pass, app.now()) : status("warn", say("phone-no-pass")),
    wallet.pass ? passFacts(wallet.pass) : null,
    fold(say("phone-new-pass"), intake(app, say("enrol-paste"), (shown) => app.taken(shown))),
    fold(say("phone-key"),
      facts([say("key-kind"), wallet.holder.alg === ED25519 ? "Ed25519" : "P-256"]),
      el("dl", {}, el("dt", {}, say("key-name")), name),
      el("p", {}, say("phone-key-why")), keyCard(app)),
    forced(app),
    fold(say("phone-checks"),
      el("p", {}, say("phone-clock", { at: time(app.now()) })),
      el("p", {}, say("phone-clock-why")),
      el("p", {}, say("phone-sign-why")),
      el("p", {}, say("phone-private-why")),
      el("p", {}, say(navigator.serviceWorker?.controller ? "offline-yes" : "offline-no")), kept),
    el("h2", {}, say("delete-title")),
    el("p", {}, say("delete-why")),
    button(say("delete"), () => app.guard(async () => {
      if (!window.confirm(say("delete-sure"))) return;
      await wallet.store.deleteAll();
      app.others.postMessage("deleted"); // another window would go on with the key it holds
      location.replace(location.href.split("#")[0]);
    }), "danger"));
}
