// Strict lines, decimals, base64 and hex: the only text decoders of these modules.
// Each value has one spelling: an accepted text encodes to the same bytes again.

import { FormatError } from "./errors.js";

/**
 * The largest tree size and index.  `tlogverify` goes to 2**63 - 1; a browser's numbers
 * are exact up to here, and what is larger is refused.
 */
export const MAX_SIZE = Number.MAX_SAFE_INTEGER;

const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const HEX = /^(?:[0-9a-f]{2})*$/;
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} its UTF-8 */
export function encodeText(text) {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** @param {string} rule @param {Uint8Array} bytes @returns {string} */
export function parseText(rule, bytes) {
  try {
    return STRICT.decode(bytes);
  } catch {
    throw new FormatError(`${rule} must be UTF-8`);
  }
}

/**
 * Return the lines of a text without their LF; each must have one.
 * @param {string} rule @param {string} text @returns {string[]}
 */
export function splitLines(rule, text) {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new FormatError(`${rule} must end with a newline`);
  return lines;
}

/** @param {string} rule @param {string} field @param {number} [maximum] */
export function parseDecimal(rule, field, maximum = MAX_SIZE) {
  const value = Number(field);
  if (!DECIMAL.test(field) || value > maximum) {
    throw new FormatError(`${rule} must be a decimal up to ${maximum}: found ${show(field)}`);
  }
  return value;
}

/** @param {string} rule @param {string} field @returns {Uint8Array<ArrayBuffer>} */
export function parseBase64(rule, field) {
  const [decoded, isCanonical] = decodeBase64(rule, field);
  if (!isCanonical) {
    throw new FormatError(`${rule} must be canonical base64: found ${show(field)}`);
  }
  return decoded;
}

/**
 * Decode base64, and tell whether the unused bits at its end are zero.
 * @param {string} rule @param {string} field
 * @returns {[Uint8Array<ArrayBuffer>, boolean]}
 */
export function decodeBase64(rule, field) {
  if (!BASE64.test(field)) {
    throw new FormatError(`${rule} must be base64: found ${show(field)}`);
  }
  const decoded = Uint8Array.from(atob(field), (char) => char.charCodeAt(0));
  return [decoded, encodeBase64(decoded) === field];
}

/** @param {string} rule @param {string} field @returns {Uint8Array<ArrayBuffer>} 32 bytes */
export function parseHash(rule, field) {
  const decoded = parseBase64(rule, field);
  if (decoded.length !== 32) throw new FormatError(`${rule} must have 32 bytes`);
  return decoded;
}

/** @param {Uint8Array} bytes */
export function encodeBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** @param {Uint8Array} bytes */
export function encodeHex(bytes) {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** @param {string} rule @param {string} digits @returns {Uint8Array<ArrayBuffer>} */
export function parseHex(rule, digits) {
  if (!HEX.test(digits)) throw new FormatError(`${rule} must be lower-case hex`);
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}

/** @param {Uint8Array} one @param {Uint8Array} other */
export function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** @param {...Uint8Array} parts @returns {Uint8Array<ArrayBuffer>} */
export function joinBytes(...parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Cut what was found to a line's length. @param {string} found */
export function show(found) {
  if (found.includes("PRIVATE")) return "a private key";
  return JSON.stringify(found.length > 72 ? `${found.slice(0, 72)}…` : found);
}
