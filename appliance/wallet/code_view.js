// The view of a phone with a pass: its code, here or elsewhere, or in answer to a gate. Must know no key.

import * as challenges from "./challenge.js";
import { button, el, facts, field, fold, status } from "./dom.js";
import { zonesOf } from "./claims.js";
import { intake } from "./intake.js";
import { liveCode } from "./live.js";
import { standing } from "./pass.js";
import { say, time } from "./words.js";

export function codeView(app, { asked = null, site = null } = {}) {
  const { pass } = app.wallet;
  return el("section", { class: "code-view" },
    el("h1", { class: "unseen" }, say("code-label")),
    purpose(app.wallet, asked, site),
    liveCode(app, (now) => app.wallet.code(now, { asked, site })),
    standingLine(pass, app.now()),
    asked || site ? button(say("back-home"), () => app.show("code"), "main") : null,
    fold(say("gate-number"), el("p", {}, say("gate-number-why")),
      intake(app, say("gate-number-paste"), (shown) => app.taken(shown))),
    elsewhere(app),
    fold(say("pass-facts"), passFacts(pass)));
}

export function standingLine(pass, now) {
  const kind = { good: "good", soon: "warn", over: "bad", early: "bad" }[standing(pass, now)];
  const word = standing(pass, now);
  const at = time(word === "early" ? pass.issuedAt : pass.expiresAt);
  return status(kind, say(`pass-${word}`, { at }));
}

export function passFacts(pass) {
  return facts(
    [say("issuer"), pass.issuer],
    [say("class"), say(`class-${pass.klass}`)],
    [say("zones"), zonesOf(pass.zones).join(", ")],
    [say("from"), time(pass.issuedAt)],
    [say("until"), time(pass.expiresAt)]);
}

function purpose(wallet, asked, site) {
  const home = wallet.site;
  if (asked) {
    const isHome = asked.site === home;
    return status(isHome ? "good" : "warn", say(isHome ? "for-gate" : "for-foreign-gate", { ...asked, home }));
  }
  const isCarried = site !== null || wallet.usual !== null;
  return el("p", { class: "purpose" }, say(isCarried ? "for-site" : "for-home", { site: site ?? home }));
}

function elsewhere(app) {
  const input = el("input", {
    type: "text", value: app.wallet.site, maxlength: "64", autocapitalize: "off",
    autocomplete: "off", spellcheck: "false",
  });
  const always = el("input", { type: "checkbox", checked: app.wallet.usual !== null });
  const go = () => app.guard(async () => {
    const site = input.value.trim();
    if (!site) return;
    await app.wallet.choose(always.checked ? site : app.wallet.pass.issuer);
    app.show("code", always.checked ? {} : { site });
  });
  return fold(say("elsewhere"), el("p", {}, say("elsewhere-why")),
    field(say("elsewhere-site"), input),
    el("label", { class: "tick" }, always, say("elsewhere-always")),
    button(say("elsewhere-show"), go, "main"));
}

// What a challenge asks of whoever is here: the holder of a pass first, else a visitor.
export function answer(app, shown) {
  const asked = challenges.read(shown);
  if (app.wallet.pass) app.show("code", { asked });
  else if (app.wallet.received.length) app.show("visit", { asked });
  else app.show("code");
}
