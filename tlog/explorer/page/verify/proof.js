// Proof files: everything that an offline verifier needs, beside its policy.
//
//     c2sp.org/tlog-proof@v1 LF
//     [extra <base64> LF]
//     index <decimal> LF
//     (<base64 of a hash> LF)*              leaf's sibling first
//     LF
//     <checkpoint, with its signatures>
//
// `extra` is the entry itself in this log, and so is proven by the leaf's hash.
// Source: C2SP tlog-proof.

import { FormatError } from "./errors.js";
import {
  encodeBase64,
  encodeText,
  joinBytes,
  parseBase64,
  parseDecimal,
  parseHash,
} from "./lines.js";
import { MAX_PATH } from "./merkle.js";
import { MAX_NOTE_BYTES } from "./note.js";

export const MAX_PROOF_BYTES = MAX_NOTE_BYTES + (1 << 18);
export const PROOF_MAGIC = "c2sp.org/tlog-proof@v1";

/**
 * One entry's way to one signed checkpoint; nothing of it is verified.
 * @typedef {object} Proof
 * @property {number} index
 * @property {Uint8Array<ArrayBuffer>[]} path leaf's sibling first
 * @property {Uint8Array<ArrayBuffer>} note
 * @property {Uint8Array<ArrayBuffer> | null} extra never empty
 */

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Proof} */
export function parseProof(bytes) {
  if (bytes.length > MAX_PROOF_BYTES) {
    throw new FormatError(`a proof has at most ${MAX_PROOF_BYTES} bytes`);
  }
  // The first blank line ends the header: the checkpoint has its own further on.
  const end = bytes.findIndex((byte, at) => byte === 10 && bytes[at + 1] === 10);
  const note = bytes.slice(end + 2);
  if (end < 0 || note.length === 0) {
    throw new FormatError("a proof has a blank line before its checkpoint");
  }
  const lines = Array.from(bytes.subarray(0, end), (it) => String.fromCharCode(it))
    .join("")
    .split("\n");
  if (lines.shift() !== PROOF_MAGIC) throw new FormatError(`a proof starts with ${PROOF_MAGIC}`);
  let extra = null;
  if (lines[0]?.startsWith("extra ")) {
    extra = parseBase64("extra", String(lines.shift()).slice(6));
    if (extra.length === 0) throw new FormatError("an empty extra is left out");
  }
  if (!lines[0]?.startsWith("index ")) throw new FormatError("a proof has an index line");
  const index = parseDecimal("an index", String(lines.shift()).slice(6));
  if (lines.length > MAX_PATH) throw new FormatError(`a proof has at most ${MAX_PATH} hashes`);
  return { index, path: lines.map((line) => parseHash("a proof's hash", line)), note, extra };
}

/** Return a proof file's bytes. @param {Proof} proof */
export function encodeProof(proof) {
  const extra = proof.extra === null ? "" : `extra ${encodeBase64(proof.extra)}\n`;
  const path = proof.path.map((it) => `${encodeBase64(it)}\n`).join("");
  return joinBytes(
    encodeText(`${PROOF_MAGIC}\n${extra}index ${proof.index}\n${path}\n`),
    proof.note,
  );
}
