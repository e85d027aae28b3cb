// Checkpoints: the text of a signed tree head.
//
//     <origin> LF <size> LF <base64 of the root hash> LF (<extension> LF)*
//
// Holding one proves nothing about who said it.  Source: C2SP tlog-checkpoint.

import { FormatError } from "./errors.js";
import { EMPTY_ROOT } from "./hashing.js";
import { encodeText, parseDecimal, parseHash, sameBytes, splitLines } from "./lines.js";

export const MAX_ORIGIN_BYTES = 255;
export const MAX_EXTENSIONS = 64;

/**
 * @typedef {object} Checkpoint
 * @property {string} origin
 * @property {number} size
 * @property {Uint8Array<ArrayBuffer>} root
 * @property {string[]} extensions
 * @property {string} text what an Ed25519 key signs
 */

/** @param {string} text @returns {Checkpoint} */
export function parseCheckpoint(text) {
  const lines = splitLines("a checkpoint", text);
  if (lines.length < 3 || lines.length > 3 + MAX_EXTENSIONS) {
    throw new FormatError(`a checkpoint has 3 to ${3 + MAX_EXTENSIONS} lines`);
  }
  const [origin, size, root, ...extensions] = lines;
  if (encodeText(origin).length > MAX_ORIGIN_BYTES) {
    throw new FormatError(`an origin has 1 to ${MAX_ORIGIN_BYTES} bytes`);
  }
  if ([origin, ...extensions].some((line) => line === "" || /[\0-\x1f]/.test(line))) {
    throw new FormatError("a checkpoint's line is empty or has a control character");
  }
  const found = {
    origin,
    size: parseDecimal("a tree size", size),
    root: parseHash("a root hash", root),
    extensions,
    text,
  };
  if (found.size === 0 && !sameBytes(found.root, EMPTY_ROOT)) {
    throw new FormatError("the root of the empty tree is SHA-256 of nothing");
  }
  return found;
}
