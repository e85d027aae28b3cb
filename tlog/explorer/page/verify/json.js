// JSON that others wrote, read strictly: a member that stands twice is refused, because
// two readers could see two values (`JSON.parse` takes the last one).
// Source: RFC 8259; `tlogverify.attestation.members`.

import { FormatError } from "./errors.js";
import { parseText } from "./lines.js";

/** @typedef {Record<string, unknown>} Members */

const MAX_DEPTH = 128;
const TOKEN =
  /[ \t\n\r]*(?:("(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(true|false|null)|([[\]{},:]))/y;

/** Parse one JSON object. @param {string} rule @param {Uint8Array} bytes @returns {Members} */
export function parseObject(rule, bytes) {
  const reader = new Reader(rule, parseText(rule, bytes));
  return asObject(rule, reader.whole());
}

/** @param {string} rule @param {unknown} value @returns {Members} */
export function asObject(rule, value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError(`${rule} must be a JSON object`);
  }
  return /** @type {Members} */ (value);
}

/** Return a text of at most `most` characters; "" where it is unset or null.
 * @param {string} rule @param {Members} members @param {string} name @param {number} [most] */
export function optionalText(rule, members, name, most = Infinity) {
  const value = members[name] ?? "";
  if (typeof value !== "string") throw new FormatError(`${rule}: ${name} is a string`);
  if (/\p{Surrogate}/u.test(value)) throw new FormatError(`${rule}: ${name} must be UTF-8`);
  if ([...value].length > most) {
    throw new FormatError(`${rule}.${name} has at most ${most} characters`);
  }
  return value;
}

/** @param {string} rule @param {Members} members @param {string} name */
export function requiredText(rule, members, name) {
  if (typeof members[name] !== "string") throw new FormatError(`${rule} has ${name}, a string`);
  return optionalText(rule, members, name);
}

/** Return an array of at most `most` objects, which must stand there.
 * @param {string} rule @param {Members} members @param {string} name @param {number} most */
export function arrayMember(rule, members, name, most) {
  const value = members[name];
  if (!Array.isArray(value) || value.length > most) {
    throw new FormatError(`${rule} has ${name}, an array of at most ${most}`);
  }
  return value.map((item) => asObject(`${rule}: ${name}`, item));
}

class Reader {
  #at = 0;

  /** @param {string} rule @param {string} text */
  constructor(rule, text) {
    this.rule = rule;
    this.text = text;
  }

  whole() {
    const value = this.#value(this.#token(), 0);
    if (!/^[ \t\n\r]*$/.test(this.text.slice(this.#at))) throw this.#error();
    return value;
  }

  /** @param {string} token @param {number} depth @returns {unknown} */
  #value(token, depth) {
    if (depth > MAX_DEPTH) throw this.#error();
    if (token === "{") return this.#object(depth);
    if (token === "[") return this.#array(depth);
    if (/^[\]},:]$/.test(token)) throw this.#error();
    const value = JSON.parse(token);
    if (value === Infinity || value === -Infinity) throw new FormatError("a number is finite");
    return value;
  }

  /** @param {number} depth */
  #object(depth) {
    /** @type {Members} */
    const members = Object.create(null);
    let token = this.#token();
    if (token === "}") return members;
    for (;;) {
      if (!token.startsWith('"')) throw this.#error();
      const name = JSON.parse(token);
      if (name in members) throw new FormatError("a member stands here twice");
      if (this.#token() !== ":") throw this.#error();
      members[name] = this.#value(this.#token(), depth + 1);
      const next = this.#token();
      if (next === "}") return members;
      if (next !== ",") throw this.#error();
      token = this.#token();
    }
  }

  /** @param {number} depth */
  #array(depth) {
    /** @type {unknown[]} */
    const items = [];
    let token = this.#token();
    if (token === "]") return items;
    for (;;) {
      items.push(this.#value(token, depth + 1));
      const next = this.#token();
      if (next === "]") return items;
      if (next !== ",") throw this.#error();
      token = this.#token();
    }
  }

  #token() {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.text);
    if (match === null) throw this.#error();
    this.#at = TOKEN.lastIndex;
    return match[1] ?? match[2] ?? match[3] ?? match[4];
  }

  #error() {
    return new FormatError(`${this.rule} must be one JSON object`);
  }
}
