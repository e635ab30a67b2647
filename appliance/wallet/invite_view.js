// The views of a host: makes an invite, lists those made, hands one over, takes one back. Must know no key.

import { maskOf, zonesOf } from "./claims.js";
import { button, el, facts, field, status } from "./dom.js";
import { Fault } from "./fault.js";
import { intake } from "./intake.js";
import { ESCORTED, read, standing } from "./invite.js";
import * as keys from "./keys.js";
import { qrView } from "./qr_view.js";
import { copied, shared } from "./share.js";
import * as text from "./text.js";
import { inviteText } from "./wallet.js";
import { say, time } from "./words.js";

const HOUR = 3600;

export function inviteView(app, { key = null } = {}) {
  if (!app.wallet.pass) return el("section", {}, status("warn", say("invite-no-pass")));
  if (!app.wallet.limits.uses) {
    return el("section", {}, status("warn", say("invite-not-allowed")), el("h2", {}, say("invite-list")), list(app));
  }
  return el("section", {},
    el("h1", {}, say("invite-title")),
    key ? status("good", say("invite-keyed")) : el("p", {}, say("invite-bearer")),
    key ? null : el("details", {}, el("summary", {}, say("invite-key")),
      el("p", {}, say("invite-key-why")),
      intake(app, say("invite-key-paste"), (shown) => app.show("invite", { key: keys.fromText(shown) }))),
    form(app, key),
    el("h2", {}, say("invite-list")),
    list(app));
}

function form(app, key) {
  const { keyedSeconds, bearerSeconds, uses: mostUses } = app.wallet.limits;
  const longest = key ? keyedSeconds : bearerSeconds;
  const most = Math.max(1, Math.floor(longest / HOUR));
  const name = el("input", { type: "text", maxlength: "60", autocomplete: "off" });
  const start = el("input", { type: "datetime-local" });
  const hours = el("input", { type: "number", min: "1", max: String(most), value: String(Math.min(4, most)) });
  const uses = el("input", { type: "number", min: "1", max: String(mostUses), value: "1" });
  const escort = el("input", { type: "checkbox" });
  const zones = zonesOf(app.wallet.pass.zones).map((zone) =>
    [zone, el("input", { type: "checkbox", checked: true })]);
  const make = () => app.guard(async () => {
    const now = app.now();
    const nbf = start.value ? Math.floor(new Date(start.value).getTime() / 1000) : now;
    const chosen = zones.filter(([, box]) => box.checked).map(([zone]) => zone);
    const terms = {
      name: name.value.trim(), nbf, exp: nbf + Math.min(longest, whole(hours, most) * HOUR),
      zones: maskOf(chosen), uses: whole(uses, mostUses), flags: escort.checked ? ESCORTED : 0, key,
    };
    if (!chosen.length) throw new Fault("fault-zones");
    if (terms.exp <= now) throw new Fault("fault-invite-past");
    app.show("handover", { entry: await app.wallet.invite(terms, now) });
  });
  return el("form", { class: "card", onsubmit: (event) => event.preventDefault() },
    field(say("invite-name"), name),
    field(say("invite-start"), start),
    field(say("invite-hours", { most }), hours),
    field(say("invite-uses", { most: mostUses }), uses),
    el("fieldset", {}, el("legend", {}, say("zones")),
      zones.map(([zone, box]) => el("label", { class: "tick" }, box, say("zone", { zone })))),
    el("label", { class: "tick" }, escort, say("invite-escort")),
    button(say("invite-make"), make, "main"));
}

function whole(input, most) {
  const value = Number(input.value);
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new Fault("fault-number", { value: input.value, most });
  }
  return value;
}

function standingOf(app, entry) {
  if (entry.takenBackAt) return ["warn", say("invite-back-at", { at: time(entry.takenBackAt) })];
  const stated = read(entry.token);
  const word = standing(stated, app.now());
  const at = time(word === "early" ? stated.nbf : stated.exp);
  return [{ good: "good", early: "warn", over: "bad" }[word], say(`invite-${word}`, { at })];
}

function list(app) {
  if (!app.wallet.made.length) return el("p", { class: "hint" }, say("invite-none"));
  return el("ul", { class: "list" }, app.wallet.made.map((entry) => el("li", { class: "card" },
    el("strong", {}, entry.name || say("invite-unnamed")),
    status(...standingOf(app, entry)),
    button(say("open"), () => app.show("handover", { entry })))));
}

export function terms(stated) {
  return facts(
    stated.audience ? [say("site"), stated.audience] : null,
    [say("from"), time(stated.nbf)],
    [say("until"), time(stated.exp)],
    [say("zones"), zonesOf(stated.zones).join(", ")],
    [say("uses"), String(stated.uses)],
    stated.flags ? [say("company"), say("company-yes")] : null);
}

// Without a visitor's key the code itself is shown, which gates read from paper; else the link.
export function handoverView(app, { entry }) {
  const stated = read(entry.token);
  const link = text.link(location.href, inviteText(entry));
  const shown = stated.key ? link : text.spell(text.CODE, entry.token);
  return el("section", {},
    el("h1", { class: "paper" }, entry.name || say("invite-unnamed")),
    status(...standingOf(app, entry)),
    entry.takenBackAt ? null : el("div", { class: "card paper" },
      qrView(shown, say("invite-label")), terms(stated)),
    entry.takenBackAt ? null : el("p", {}, say(stated.key ? "handover-keyed" : "handover-bearer")),
    entry.takenBackAt ? null : el("div", { class: "row" },
      button(say("share"), () => app.guard(() => shared(app, say("invite-label"), link)), "main"),
      button(say("copy-link"), () => app.guard(() => copied(app, link))),
      button(say("print"), () => window.print())),
    el("h2", {}, say("back-title")),
    el("p", {}, say("back-why")),
    button(say(entry.takenBackAt ? "back-again" : "back"), () => app.guard(async () => {
      if (entry.takenBackAt || window.confirm(say("back-sure"))) {
        app.show("withdrawal", { entry, shown: await app.wallet.takeBack(entry, app.now()) });
      }
    }), "danger"),
    button(say("invite-all"), () => app.show("invite")));
}

export function withdrawalView(app, { entry, shown }) {
  return el("section", {},
    el("h1", {}, say("back-title")),
    status("warn", say("back-show")),
    el("div", { class: "card" }, qrView(shown, say("back-title"))),
    el("p", {}, say("back-how")),
    el("p", { class: "code" }, shown),
    button(say("copy"), () => app.guard(() => copied(app, shown))),
    button(say("invite-all"), () => app.show("invite")),
    button(say("forget"), () => app.guard(async () => {
      if (!window.confirm(say("forget-sure"))) return;
      await app.wallet.drop("made", entry);
      app.show("invite");
    }), "danger"));
}
