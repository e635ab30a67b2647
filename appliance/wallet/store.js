// What the phone keeps: key, pass, invites, the time of the last code, in this browser's IndexedDB.
// Must know no meaning of what it keeps. Nothing of it is ever sent.

import { Fault } from "./fault.js";

const NAME = "yardpass";
const TABLE = "wallet";
const MARK = "yardpass-since"; // in localStorage: there was a key here once

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Fault("fault-store", { why: String(request.error) }));
    request.onblocked = () => reject(new Fault("fault-store", { why: "blocked" }));
  });
}

function marked(change) {
  try {
    return change(globalThis.localStorage);
  } catch {
    return null; // storage is switched off: IndexedDB tells it better
  }
}

export class Store {
  static async open() {
    if (!globalThis.indexedDB) throw new Fault("fault-store", { why: "no IndexedDB" });
    let request;
    try {
      request = indexedDB.open(NAME, 1);
    } catch (error) {
      throw new Fault("fault-store", { why: String(error) });
    }
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    return new Store(await done(request));
  }

  constructor(db) {
    this.db = db;
    db.onversionchange = () => db.close(); // another tab deletes everything
  }

  table(mode) {
    try {
      return this.db.transaction(TABLE, mode).objectStore(TABLE);
    } catch (error) {
      throw new Fault("fault-store-gone", { why: String(error) });
    }
  }

  async get(name) {
    return (await done(this.table("readonly").get(name))) ?? null;
  }

  async put(name, value) {
    let request;
    try {
      request = this.table("readwrite").put(value, name);
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Fault("fault-store", { why: String(error) }); // a browser that keeps no keys
    }
    await done(request);
  }

  // Whether a key was made here before, though none is there now.
  wasCleared() {
    return marked((storage) => storage.getItem(MARK)) !== null;
  }

  mark() {
    marked((storage) => storage.setItem(MARK, "1"));
  }

  async deleteAll() {
    await done(this.table("readwrite").clear());
    marked((storage) => storage.clear());
  }
}
