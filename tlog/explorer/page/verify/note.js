// Signed notes: a text and the signature lines below it.
//
//     <text, ends with LF> LF
//     (U+2014 " " <key name> " " base64(<key id: 4> || <signature>) LF)+
//
// Parsing proves nothing; `signed.js` does.  Source: C2SP signed-note, "Format".

import { FormatError } from "./errors.js";
import { requireKeyName } from "./keys.js";
import { decodeBase64, encodeHex, parseText, show, splitLines } from "./lines.js";

export const MAX_NOTE_BYTES = 1 << 20;
export const MAX_SIGNATURES = 100;

const MARK = "\u2014 ";
const CONTROLS = /[\0-\x09\x0b-\x1f]/;

/**
 * @typedef {object} NoteSignature
 * @property {string} name
 * @property {string} id 4 bytes in hex
 * @property {Uint8Array<ArrayBuffer>} signature what follows the id
 * @property {boolean} isCanonical whether its base64 is the one spelling
 */

/** @param {Uint8Array} note @returns {{text: string, signatures: NoteSignature[]}} */
export function parseNote(note) {
  if (note.length > MAX_NOTE_BYTES) {
    throw new FormatError(`a note has at most ${MAX_NOTE_BYTES} bytes`);
  }
  const all = parseText("a note", note);
  if (CONTROLS.test(all)) {
    throw new FormatError("a note has no control characters but newlines");
  }
  const end = all.lastIndexOf("\n\n");
  if (end < 0) throw new FormatError("a note has a blank line before its signatures");
  const lines = splitLines("a signature line", all.slice(end + 2));
  if (lines.length === 0 || lines.length > MAX_SIGNATURES) {
    throw new FormatError(`a note has 1 to ${MAX_SIGNATURES} signatures`);
  }
  return { text: all.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

/** @param {string} line @returns {NoteSignature} */
function parseSignature(line) {
  const fields = line.slice(MARK.length).split(" ");
  if (!line.startsWith(MARK) || fields.length !== 2) {
    throw new FormatError(`a signature line is '\u2014 <name> <base64>': found ${show(line)}`);
  }
  const [name, encoded] = fields;
  requireKeyName(name);
  const [decoded, isCanonical] = decodeBase64("a signature", encoded);
  if (decoded.length < 5) {
    throw new FormatError("a signature has a key id and at least one byte");
  }
  return { name, id: encodeHex(decoded.subarray(0, 4)), signature: decoded.slice(4), isCanonical };
}
