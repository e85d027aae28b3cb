// Which keys signed a checkpoint: the bytes each type signs, and opening a note.
//
//     0x01  the checkpoint's text
//     0x04  "cosignature/v1" LF "time " <decimal> LF <the checkpoint's text>
//     0x06  "subtree/v1" LF 00 || len(1) cosigner || time(8) || len(1) origin
//           || start(8) || end(8) || hash(32)
//
// Source: C2SP signed-note, "Signatures"; tlog-cosignature, "Format".

import { parseCheckpoint } from "./checkpoint.js";
import { FormatError, SignatureError, UncheckedError } from "./errors.js";
import { COSIGNATURE, ED25519 } from "./keys.js";
import { encodeText, joinBytes } from "./lines.js";
import { parseNote } from "./note.js";

/** @typedef {import("./checkpoint.js").Checkpoint} Checkpoint */
/** @typedef {import("./keys.js").VerifierKey} VerifierKey */
/** @typedef {import("./note.js").NoteSignature} NoteSignature */
/** A key whose signature holds, and the POSIX seconds that it claims (0: none).
 *  @typedef {{key: VerifierKey, time: number}} Signer */
/** A key that is named on a line that this browser could not check.
 *  @typedef {{key: VerifierKey, why: string}} Unchecked */
/** @typedef {{checkpoint: Checkpoint, signers: Signer[], unchecked: Unchecked[]}} SignedCheckpoint */

const MAX_TIME = 2n ** 63n - 1n;

/** @param {VerifierKey} key @param {Checkpoint} checkpoint @param {bigint} time */
function signedMessage(key, checkpoint, time) {
  if (key.type === ED25519) return encodeText(checkpoint.text);
  if (key.type === COSIGNATURE) {
    return encodeText(`cosignature/v1\ntime ${time}\n${checkpoint.text}`);
  }
  if (checkpoint.extensions.length > 0) {
    throw new SignatureError(
      `${key.name} cannot have signed: an ML-DSA-44 signature does not cover extension lines`,
    );
  }
  const [name, origin] = [encodeText(key.name), encodeText(checkpoint.origin)];
  return joinBytes(
    encodeText("subtree/v1\n\0"),
    Uint8Array.of(name.length),
    name,
    eightBytes(time),
    Uint8Array.of(origin.length),
    origin,
    eightBytes(0n),
    eightBytes(BigInt(checkpoint.size)),
    checkpoint.root,
  );
}

/** @param {VerifierKey} key @param {Checkpoint} checkpoint @param {NoteSignature} line @returns {Promise<Signer>} */
async function verifySignature(key, checkpoint, line) {
  if (!line.isCanonical) throw new FormatError("a signature must be canonical base64");
  let [time, signature] = [0n, line.signature];
  if (key.type !== ED25519) {
    if (signature.length < 8) throw new SignatureError(`wrong signature by ${key.name}`);
    time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    signature = signature.slice(8);
  }
  if (time > MAX_TIME) {
    throw new SignatureError(`the time of ${key.name}'s signature is out of bounds`);
  }
  await key.verify(signedMessage(key, checkpoint, time), signature);
  return { key, time: Number(time) };
}

/**
 * Parse a note, prove its known signatures, and return what they say.
 * A line of a known key that fails, or stands there twice, refuses the note; a line that
 * this browser cannot check is told, and counts for nothing.
 * @param {Uint8Array} note @param {VerifierKey[]} logKeys one that bears the origin's name must have signed
 * @param {VerifierKey[]} otherKeys may have signed
 * @returns {Promise<SignedCheckpoint>}
 */
export async function openSignedCheckpoint(note, logKeys, otherKeys) {
  const { text, signatures } = parseNote(note);
  const checkpoint = parseCheckpoint(text);
  const [signers, unchecked] = [/** @type {Signer[]} */ ([]), /** @type {Unchecked[]} */ ([])];
  for (const key of [...logKeys, ...otherKeys]) {
    const lines = signatures.filter((it) => it.name === key.name && it.id === key.id);
    if (lines.length > 1) {
      throw new SignatureError(`${key.name} is named on ${lines.length} lines`);
    }
    for (const line of lines) {
      try {
        signers.push(await verifySignature(key, checkpoint, line));
      } catch (error) {
        if (!(error instanceof UncheckedError)) throw error;
        unchecked.push({ key, why: error.message });
      }
    }
  }
  /** @param {{key: VerifierKey}} it */
  const isTheLogs = (it) => logKeys.includes(it.key) && it.key.name === checkpoint.origin;
  if (!signers.some(isTheLogs)) {
    const waiting = unchecked.find(isTheLogs);
    if (waiting) throw new UncheckedError(waiting.why);
    const isNamed = logKeys.some((key) => key.name === checkpoint.origin);
    throw new SignatureError(
      `no trusted log key of ${JSON.stringify(checkpoint.origin)} signed: ` +
        (isNamed
          ? "the key that is trusted under this name is another one"
          : "another log needs its own policy"),
    );
  }
  return { checkpoint, signers, unchecked };
}

/** @param {bigint} number */
function eightBytes(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, number);
  return bytes;
}
