// The newest head of the log beside this page: who signed it, and whether it extends the
// newest one that this browser has seen.

import { Checks } from "./checks.js";
import { fetchBytes } from "./fetching.js";
import { compareWithKept } from "./monitor.js";
import { TileTree } from "./tree.js";
import { parseCheckpoint } from "./verify/checkpoint.js";
import { QuorumError, TlogError, UncheckedError } from "./verify/errors.js";
import { encodeBase64 } from "./verify/lines.js";
import { MAX_NOTE_BYTES, parseNote } from "./verify/note.js";
import { openSignedCheckpoint } from "./verify/signed.js";

/** @typedef {import("./trust.js").Trust} Trust */
/** @typedef {import("./verify/policy.js").Witnessed} Witnessed */

export const NO_POLICY = "no policy was given: paste one below, under “Whom you trust”";

/**
 * A head, and what was checked of it.
 * @typedef {object} Head
 * @property {Uint8Array<ArrayBuffer>} note
 * @property {import("./verify/checkpoint.js").Checkpoint} checkpoint
 * @property {Checks} checks
 * @property {Witnessed | undefined} witnessed if it satisfies the policy
 * @property {TileTree} tree
 */

/**
 * Fetch and check the newest head; undefined if there is none to look at.
 * @param {string} base @param {Trust} trust @param {Checks} checks @returns {Promise<Head | undefined>}
 */
export async function readHead(base, trust, checks) {
  const note = await checks.run("the head is a well-formed checkpoint", async () => {
    const bytes = await fetchBytes(base, "checkpoint", MAX_NOTE_BYTES);
    const { origin, size, root } = parseCheckpoint(parseNote(bytes).text);
    return [`${origin}, ${size} entries, root ${encodeBase64(root)}`, bytes];
  });
  if (note === undefined) return undefined;
  const checkpoint = parseCheckpoint(parseNote(note).text);
  const tree = new TileTree(base, checkpoint.size);
  const witnessed = await checkSignatures(note, trust, checks);
  const head = { note, checkpoint, checks, witnessed, tree };
  await compareWithKept(head, base, trust);
  return head;
}

/**
 * Check who signed a note; return what the policy proves, or undefined.
 * @param {Uint8Array} note @param {Trust} trust @param {Checks} checks
 * @returns {Promise<Witnessed | undefined>}
 */
export async function checkSignatures(note, trust, checks) {
  const [signed, quorum] = ["the log signed the head", "the policy's witnesses cosigned it"];
  const { policy } = trust;
  if (policy === undefined) {
    checks.add("skip", signed, NO_POLICY);
    checks.add("skip", quorum, NO_POLICY);
    return undefined;
  }
  const by = trust.isLogsOwn ? " (by the policy that the log itself names)" : "";
  try {
    const found = await policy.openCheckpoint(note);
    const keys = found.log.map((key) => `${key.name}+${key.id}`).join(", ");
    checks.add("pass", signed, `signature by ${keys}${by}`);
    if (policy.quorum === "none" && found.witnesses.length === 0) {
      checks.note(quorum, `the policy asks for no witness${by}`);
    } else {
      const names = found.witnesses.map((it) => `${it.name}, ${inWords(it.time)}`).join("; ");
      const told = names || "none";
      const needed = policy.quorum === "none" ? "no quorum asked" : `quorum ${policy.quorum}`;
      checks.add("pass", quorum, `${needed}; cosigned by ${told}${by}`);
    }
    for (const it of found.unchecked) checks.note(`a signature by ${it.key.name}`, it.why);
    return found;
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    const isQuorum = error instanceof QuorumError || error.message.startsWith("the quorum");
    const state = error instanceof UncheckedError ? "skip" : "fail";
    if (isQuorum) {
      const { signers } = await openSignedCheckpoint(note, policy.logs, []);
      const keys = signers.map((it) => `${it.key.name}+${it.key.id}`).join(", ");
      checks.add("pass", signed, `signature by ${keys}${by}`);
      checks.add(state, quorum, error.message);
    } else {
      checks.add(state, signed, error.message);
      checks.add("skip", quorum, "the head's signatures come first");
    }
    return undefined;
  }
}

/** The last second that a browser's date has. */
const LAST_TIME = 8.64e12;

/** @param {number} time in POSIX seconds; 0 for none */
export function inWords(time) {
  if (time === 0) return "without a time";
  if (time > LAST_TIME) return `at second ${time}`;
  return `${new Date(1000 * time).toISOString().slice(0, 19)}Z`;
}
