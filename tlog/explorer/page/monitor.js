// A monitor in every browser: the newest proven head of each log is kept, and each visit
// proves that the log still extends it.  Two signed heads that conflict are evidence.

import { make, makeSaving } from "./elements.js";
import { TileTree } from "./tree.js";
import { keepHead, keptHead, noteSize } from "./trust.js";
import { ProofError, TlogError } from "./verify/errors.js";
import { encodeEvidence } from "./verify/evidence.js";
import { sameBytes } from "./verify/lines.js";
import { verifyConsistency } from "./verify/merkle.js";
import { openSignedCheckpoint } from "./verify/signed.js";

/** @typedef {import("./heads.js").Head} Head */
/** @typedef {{note: Uint8Array, checkpoint: import("./verify/checkpoint.js").Checkpoint}} Noted */

const TITLE = "it extends the newest head that this browser has seen";

/**
 * Compare a head with the kept one, and keep it if it satisfies the policy and is proven to
 * extend that.  What the log's key signed counts against it also where no witness cosigned.
 * @param {Head} head @param {string} base @param {import("./trust.js").Trust} trust
 */
export async function compareWithKept(head, base, trust) {
  const { checks, checkpoint, note, witnessed } = head;
  const { policy } = trust;
  if (policy === undefined || (await openByLog(note, policy)) === undefined) {
    checks.add("skip", TITLE, "a head that no log of a policy signed is compared with nothing");
    return;
  }
  const kept = await openByLog(keptHead(checkpoint.origin), policy);
  if (kept === undefined) {
    const first = "this is the first proven head here: the next visit is compared with it";
    if (witnessed) checks.note(TITLE, first);
    else checks.add("skip", TITLE, "no head was kept, and this one does not satisfy the policy");
    keep(head);
    return;
  }
  const [old, size] = [kept.checkpoint.size, checkpoint.size];
  if (old === size) {
    if (sameBytes(kept.checkpoint.root, checkpoint.root)) {
      checks.add("pass", TITLE, `the same head of ${size} entries`);
      keep(head);
    } else {
      contradict(head, `both have ${size} entries, and different roots`, {
        older: kept,
        newer: { note, checkpoint },
      });
    }
  } else if (old < size) {
    await extend(head, kept);
  } else {
    await shorten(head, kept, base);
  }
}

/**
 * Return the head of a note that a log of the policy signed; undefined for every other note,
 * and for one that was kept under another policy.
 * @param {Uint8Array | undefined} note @param {import("./verify/policy.js").Policy} policy
 * @returns {Promise<Noted | undefined>}
 */
async function openByLog(note, policy) {
  if (note === undefined) return undefined;
  try {
    const { checkpoint } = await openSignedCheckpoint(note, policy.logs, []);
    return { note, checkpoint };
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    return undefined;
  }
}

/** @param {Head} head @param {Noted} kept */
async function extend(head, kept) {
  const newer = { note: head.note, checkpoint: head.checkpoint };
  const [old, size] = [kept.checkpoint.size, head.checkpoint.size];
  try {
    const path = await head.tree.consistencyPath(old);
    if (leads(kept.checkpoint.root, kept, newer, path)) {
      head.checks.add(
        "pass",
        TITLE,
        `consistency of ${old} and ${size} entries, by ${path.length} hashes`,
      );
      keep(head);
      return;
    }
    const prefix = await head.tree.root(old);
    if (leads(prefix, kept, newer, path)) {
      contradict(
        head,
        `the tree of ${size} entries has another beginning than the tree of ${old} that was signed before`,
        { older: kept, newer, prefix, path },
      );
      return;
    }
    head.checks.add(
      "fail",
      TITLE,
      `the log's tiles do not lead from ${old} to ${size} entries; the newest head that was seen is kept`,
    );
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    head.checks.add("fail", TITLE, error.message);
  }
}

/** @param {Head} head @param {Noted} kept @param {string} base */
async function shorten(head, kept, base) {
  const older = { note: head.note, checkpoint: head.checkpoint };
  const [size, most] = [head.checkpoint.size, kept.checkpoint.size];
  const told = `the server shows an older head, of ${size} entries; this browser has seen ${most}`;
  try {
    const tree = new TileTree(base, most);
    const path = await tree.consistencyPath(size);
    if (leads(older.checkpoint.root, older, kept, path)) {
      head.checks.add("fail", TITLE, `${told}. It is the beginning of the same tree`);
      return;
    }
    const prefix = await tree.root(size);
    if (leads(prefix, older, kept, path)) {
      contradict(
        head,
        `the older head, of ${size} entries, is not the beginning of the tree of ${most}`,
        { older, newer: kept, prefix, path },
      );
      return;
    }
    head.checks.add("fail", TITLE, `${told}. Its tiles do not show whether both are of one tree`);
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    head.checks.add(
      "fail",
      TITLE,
      `${told}. Whether both are of one tree was not shown: ${error.message}`,
    );
  }
}

/** @param {Uint8Array} prefix @param {Noted} older @param {Noted} newer @param {Uint8Array[]} path */
function leads(prefix, older, newer, path) {
  try {
    verifyConsistency(
      older.checkpoint.size,
      newer.checkpoint.size,
      path,
      prefix,
      newer.checkpoint.root,
    );
    return true;
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    return false;
  }
}

/** @param {Head} head @param {string} why @param {{older: Noted, newer: Noted, prefix?: Uint8Array, path?: Uint8Array[]}} found */
function contradict(head, why, { older, newer, prefix, path }) {
  const evidence = encodeEvidence({
    older: older.note,
    newer: newer.note,
    prefix: prefix ?? null,
    path: path ?? [],
  });
  head.checks.add(
    "fail",
    TITLE,
    `CONTRADICTION: the log's key signed two histories: ${why}. Save the evidence, and tell others: python -m tlogverify --evidence judges it.`,
    make("p", {}, makeSaving("Save the evidence", "evidence.tlog-evidence", evidence)),
  );
}

/** @param {Head} head */
function keep({ checkpoint, note, witnessed }) {
  if (witnessed === undefined) return;
  keepHead(checkpoint.origin, note);
  noteSize(checkpoint.origin, checkpoint.size, Date.now());
}
