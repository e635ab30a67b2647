// A fault a person can be told of: the name of a sentence in words/, and its values. Knows no language.

export class Fault extends Error {
  constructor(word, values = {}) {
    super(word);
    this.word = word;
    this.values = values;
  }
}

export function malformed(why) {
  return new Fault("fault-form", { why });
}
