// Verifier keys: who may sign, and with what.
//
//     <name> + "+" + <8 lower-case hex: key id> + "+" + base64(<type> || <public key>)
//
// A key is named by its name and its id, and trusted by its public bytes alone.
// Source: C2SP signed-note, "Verifier keys" and "Signature types".

import { verifyEd25519, verifyMldsa44 } from "./crypto.js";
import { FormatError, SignatureError } from "./errors.js";
import { sha256 } from "./hashing.js";
import { encodeHex, encodeText, joinBytes, parseBase64, show } from "./lines.js";

export const ED25519 = 0x01;
export const COSIGNATURE = 0x04;
export const MLDSA44 = 0x06;

export const MAX_NAME_BYTES = 255;

const PUBLIC_BYTES = new Map([
  [ED25519, 32],
  [COSIGNATURE, 32],
  [MLDSA44, 1312],
]);
// Python's white space; JavaScript's own differs.
const NOT_IN_NAMES = /[\0-\x20+\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** One public key under one name. */
export class VerifierKey {
  /** @param {string} name @param {number} type @param {Uint8Array<ArrayBuffer>} publicBytes */
  constructor(name, type, publicBytes) {
    requireKeyName(name);
    if (publicBytes.length !== PUBLIC_BYTES.get(type)) {
      throw new FormatError("the public key's length");
    }
    this.name = name;
    this.type = type;
    this.publicBytes = publicBytes;
    const named = joinBytes(encodeText(`${name}\n`), Uint8Array.of(type), publicBytes);
    /** The hash whose first 4 bytes are the id; Sigstore's name of a log. */
    this.hash = sha256(named);
    /** The 4 bytes that stand before this key's signatures, in hex. */
    this.id = encodeHex(this.hash.subarray(0, 4));
  }

  /**
   * Prove that this key signed a message.
   * @param {Uint8Array<ArrayBuffer>} message @param {Uint8Array<ArrayBuffer>} signature
   */
  async verify(message, signature) {
    const verify = this.type === MLDSA44 ? verifyMldsa44 : verifyEd25519;
    if (!(await verify(this.publicBytes, signature, message))) {
      throw new SignatureError(`wrong signature by ${this.name}`);
    }
  }
}

/** Parse the one line of text of a key. @param {string} line */
export function parseVerifierKey(line) {
  const [name, id, ...material] = line.split("+");
  if (material.length === 0) {
    throw new FormatError(`a verifier key is <name>+<id>+<key>: found ${show(line)}`);
  }
  if (!/^[0-9a-f]{8}$/.test(id)) {
    throw new FormatError(`a key id is 8 lower-case hex digits: found ${show(id)}`);
  }
  // The base64 may hold a plus sign too: only the first two are separators.
  const decoded = parseBase64("a verifier key", material.join("+"));
  if (!PUBLIC_BYTES.has(decoded[0])) throw new FormatError("the key type is not 01, 04 or 06");
  const key = new VerifierKey(name, decoded[0], decoded.slice(1));
  if (key.id !== id) throw new FormatError(`the key's id is ${key.id}: found ${show(id)}`);
  return key;
}

/** @param {string} name */
export function requireKeyName(name) {
  const bytes = encodeText(name).length;
  if (bytes === 0 || bytes > MAX_NAME_BYTES) {
    throw new FormatError(`a key name has 1 to ${MAX_NAME_BYTES} bytes`);
  }
  if (NOT_IN_NAMES.test(name)) {
    throw new FormatError("a key name has no space, plus sign or control");
  }
}
