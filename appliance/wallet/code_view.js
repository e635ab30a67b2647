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
    purpose(pass, asked, site),
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

function purpose(pass, asked, site) {
  if (asked) {
    const isHome = asked.site === pass.issuer;
    const said = say(isHome ? "for-gate" : "for-foreign-gate", { ...asked, home: pass.issuer });
    return status(isHome ? "good" : "warn", said);
  }
  return el("p", { class: "purpose" }, say(site ? "for-site" : "for-home", { site: site ?? pass.issuer }));
}

function elsewhere(app) {
  const input = el("input", {
    type: "text", value: app.wallet.pass.issuer, maxlength: "64", autocapitalize: "off",
    autocomplete: "off", spellcheck: "false",
  });
  const go = () => input.value.trim() && app.show("code", { site: input.value.trim() });
  return fold(say("elsewhere"), el("p", {}, say("elsewhere-why")),
    field(say("elsewhere-site"), input), button(say("elsewhere-show"), go, "main"));
}

// What a challenge asks of whoever is here: the holder of a pass first, else a visitor.
export function answer(app, shown) {
  const asked = challenges.read(shown);
  if (app.wallet.pass) app.show("code", { asked });
  else if (app.wallet.received.length) app.show("visit", { asked });
  else app.show("code");
}
