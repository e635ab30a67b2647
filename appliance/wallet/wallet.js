// The wallet: one key, perhaps a pass, invites made and received. Must know no page and no language;
// `now` is Unix seconds, given by the caller.

import { toHex } from "./bytes.js";
import * as code from "./code.js";
import { Fault } from "./fault.js";
import * as invites from "./invite.js";
import * as keys from "./keys.js";
import * as passes from "./pass.js";
import { Second } from "./second.js";
import * as text from "./text.js";

// What compounds allow unless they rule otherwise, where the office has not said.
const USUAL_LIMITS = { keyedSeconds: 43200, bearerSeconds: 14400, uses: 20 };

export class Wallet {
  // The wallet in this store; makes the key at the first time, and says if there was one before.
  static async open(store) {
    const wallet = new Wallet(store);
    wallet.holder = await store.get("holder");
    if (!wallet.holder && store.wasCleared()) await store.put("cleared", true);
    wallet.wasCleared = await store.get("cleared");
    if (!wallet.holder) await wallet.makeKey();
    wallet.made = (await store.get("made")) ?? [];
    wallet.received = (await store.get("received")) ?? [];
    wallet.last = (await store.get("last")) ?? 0;
    wallet.usual = await store.get("usual");
    wallet.stated = await store.get("limits");
    wallet.second = await Second.open(store);
    await wallet.hold(await store.get("pass"));
    return wallet;
  }

  constructor(store) {
    this.store = store;
  }

  async makeKey() {
    const holder = await keys.make();
    await this.store.put("holder", holder);
    this.store.mark();
    this.holder = holder;
  }

  async hold(token) {
    this.token = token;
    this.pass = token && passes.read(token);
    this.handle = token && (await passes.handleOf(token));
  }

  get signer() {
    return keys.signer(this.holder);
  }

  get keyText() {
    return keys.toText(this.holder);
  }

  // The site whose gates this pass is shown at: that of its issuer, unless its holder chose one.
  get site() {
    return this.usual ?? this.pass.issuer;
  }

  async choose(site) {
    const chosen = site === this.pass.issuer ? null : site;
    await this.store.put("usual", chosen);
    this.usual = chosen;
  }

  // What the site lets this pass give away, as the office said when it gave the pass.
  get limits() {
    return this.stated ?? USUAL_LIMITS;
  }

  // The pass in this text, if it would take the place of one of another site; else null.
  rival(shown) {
    const stated = passes.read(passes.open(shown).token);
    const isOther = this.pass && stated.issuer !== this.pass.issuer;
    return isOther && stated.key && keys.toText(stated.key) === this.keyText ? stated : null;
  }

  async takePass(shown, now) {
    if (await this.second.take(shown, now)) return;
    const { token, limits } = passes.take(shown, this.holder, now);
    const { issuer, issuedAt } = passes.read(token);
    const isOlder = issuer === this.pass?.issuer && issuedAt < this.pass.issuedAt;
    if (isOlder) throw new Fault("fault-pass-older"); // the link of a pass that was renewed
    await this.store.put("limits", limits);
    await this.store.put("pass", token);
    await this.store.put("cleared", false);
    this.stated = limits;
    await this.hold(token);
  }

  // The time of a code made now; written down before the code is shown.
  async time(now) {
    const at = code.nextTime(now, this.last);
    if (at === null) throw new Fault("fault-clock-back", { at: this.last });
    await this.store.put("last", at);
    this.last = at;
    return at;
  }

  checkPass(now) {
    const standing = passes.standing(this.pass, now);
    if (standing === "over") throw new Fault("fault-pass-over", { at: this.pass.expiresAt });
    if (standing === "early") throw new Fault("fault-clock-slow", { at: this.pass.issuedAt });
  }

  // The text of a code. `asked` is a gate's challenge, `site` another site to go to: either carries
  // the pass where it is not that of its issuer, whose gates know it.
  async code(now, { asked = null, site = null } = {}) {
    this.checkPass(now);
    const audience = asked?.audience ?? site ?? this.site;
    const by = (await this.second.used(now)) ?? this;
    const shown = { audience, issuedAt: await this.time(now), nonce: asked?.nonce };
    const isAway = asked ? asked.site !== this.pass.issuer : (site ?? this.usual) !== null;
    const token = isAway
      ? await code.selfContained(by.token, shown, by.signer)
      : await code.byReference(by.handle, shown, by.signer);
    return text.spell(text.CODE, token);
  }

  // An invite for whoever has it, or for the owner of `key`. `terms`: {name, nbf, exp, zones (mask),
  // uses, flags, key}. The name stays on this phone.
  async invite(terms, now) {
    this.checkPass(now);
    const { name, ...stated } = terms;
    const cti = crypto.getRandomValues(new Uint8Array(invites.CTI_BYTES));
    const token = await invites.make({ ...stated, cti, audience: this.site }, this.host, this.signer);
    const entry = { name, token, host: this.handle, takenBackAt: 0 };
    await this.keep("made", [entry, ...this.made]);
    return entry;
  }

  // How an invite names this pass: its own site's gates know it, those of others are shown it.
  get host() {
    return this.usual ? invites.byPass(this.token) : invites.byHandle(this.handle);
  }

  // The text that a gate takes an invite back by; it is noted when it was first shown.
  async takeBack(entry, now) {
    const { cti, carried } = invites.read(entry.token);
    const host = carried ? invites.byPass(carried) : invites.byHandle(entry.host);
    const token = await invites.revocation(cti, now, host, this.signer);
    entry.takenBackAt = entry.takenBackAt || now;
    await this.keep("made", this.made);
    return text.spell(text.CODE, token);
  }

  async takeInvite(shown, now) {
    const token = invites.take(shown, this.holder, now);
    const known = this.received.find((one) => toHex(one.token) === toHex(token));
    if (known) return known;
    const entry = { token };
    await this.keep("received", [entry, ...this.received]);
    return entry;
  }

  // What a visitor shows: form E, or the bearer invite itself.
  async visit(entry, now, { asked = null, site = null } = {}) {
    const stated = invites.read(entry.token);
    if (invites.standing(stated, now) === "over") throw new Fault("fault-invite-over");
    if (!stated.key) return text.spell(text.CODE, entry.token);
    const audience = asked?.audience ?? site ?? stated.audience;
    if (!audience) throw new Fault("fault-invite-site");
    const shown = { audience, issuedAt: await this.time(now), nonce: asked?.nonce };
    return text.spell(text.CODE, await invites.visit(entry.token, shown, this.signer));
  }

  async drop(list, entry) {
    await this.keep(list, this[list].filter((one) => one !== entry));
  }

  async keep(list, entries) {
    await this.store.put(list, entries);
    this[list] = entries;
  }
}

export const inviteText = (entry) => text.spell(text.INVITE, entry.token);
