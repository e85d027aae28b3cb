// One entry, and searches: each hit is proven against the head that was checked.

import { Checks, verdict } from "./checks.js";
import { checkDocument } from "./documents.js";
import { drawPath } from "./drawing.js";
import { make, makeList, makeSaving } from "./elements.js";
import { AnswerError, fetchMembers } from "./fetching.js";
import { FormatError, UncheckedError, VerificationError } from "./verify/errors.js";
import { leafHash, sha256 } from "./verify/hashing.js";
import { encodeBase64, encodeHex } from "./verify/lines.js";
import { documentDigest, namedDigests, parseEntry } from "./verify/kinds.js";
import { verifyInclusion } from "./verify/merkle.js";
import { encodeProof } from "./verify/proof.js";

/** @typedef {import("./heads.js").Head} Head */
/** @typedef {import("./trust.js").Trust} Trust */
/** @typedef {import("./verify/kinds.js").Entry} Entry */
/** What an entry is looked up by. @typedef {{kind: string, text: string}} Sought */

const MOST_HITS = 20;

/**
 * Return one entry with its checks.
 * @param {string} base @param {Head} head @param {Trust} trust @param {number} index
 * @param {Sought} [sought] what must be named by the entry
 */
export async function showEntry(base, head, trust, index, sought) {
  const checks = new Checks();
  const bytes = await checks.run(`the server's bundle holds an entry ${index}`, async () => {
    if (index >= head.checkpoint.size) {
      throw new VerificationError(
        `the head has ${head.checkpoint.size} entries: ${index} is not one of them`,
      );
    }
    const found = await head.tree.entry(index);
    return [`${found.length} bytes`, found];
  });
  const article = make(
    "article",
    {},
    make("h3", {}, make("a", { href: `#${index}` }, `Entry ${index}`)),
  );
  if (bytes === undefined) {
    article.append(verdict("fail", `entry ${index}`), checks.list);
    return { article, state: checks.state };
  }
  const entry = await checks.run(
    "its bytes are a record or a Rekor entry in canonical form",
    async () => {
      const found = parseEntry(bytes);
      return [found.kind, found];
    },
  );
  if (entry && sought) await checkNamed(checks, entry, sought);
  const path = await proveEntry(checks, head, index, bytes);
  checks.addAll(head.checks);
  const state = checks.state;
  const origin = head.checkpoint.origin;
  article.append(
    verdict(state, `entry ${index} is in ${origin}, in a tree of ${head.checkpoint.size} entries`),
  );
  if (entry) article.append(describe(entry));
  article.append(checks.list);
  const digest = entry && documentDigest(entry);
  if (entry && digest) {
    const ofDocument = new Checks();
    const shown = await checkDocument(base, entry, digest, trust, ofDocument);
    article.append(make("h3", {}, "Its document"), ofDocument.list);
    if (shown) article.append(shown);
  }
  if (path !== undefined) {
    article.append(drawPath(index, head.checkpoint.size, leafHash(bytes), path));
    const proof = encodeProof({ index, path, note: head.note, extra: bytes });
    article.append(makeSaving("Save the proof file", `entry-${index}.tlog-proof`, proof));
  }
  return { article, state };
}

/** @param {Checks} checks @param {Head} head @param {number} index @param {Uint8Array<ArrayBuffer>} entry */
async function proveEntry(checks, head, index, entry) {
  return checks.run("its leaf hash and path lead to the head's root", async () => {
    const [leaf, path] = [leafHash(entry), await head.tree.inclusionPath(index)];
    verifyInclusion(index, head.checkpoint.size, leaf, path, head.checkpoint.root);
    const told = `leaf ${encodeHex(leaf)} and ${path.length} hashes give the root ${encodeBase64(head.checkpoint.root)}`;
    return [told, path];
  });
}

/** @param {Checks} checks @param {Entry} entry @param {Sought} sought */
async function checkNamed(checks, entry, { kind, text }) {
  await checks.run(`it names the ${kind} that is sought`, async () => {
    if (kind !== "digest" && kind !== "key") {
      throw new UncheckedError(
        "what a certificate or a document says is not read here: the log found it so",
      );
    }
    const signers =
      entry.kind === "provenance"
        ? [`sha256:${entry.signer}`]
        : entry.signatures.map((it) => `sha256:${encodeHex(sha256(it.der))}`);
    if (!(kind === "key" ? signers : namedDigests(entry)).includes(text)) {
      throw new VerificationError(`the entry does not name ${text}`);
    }
    return [text, null];
  });
}

/** @param {Entry} entry */
export function describe(entry) {
  /** @param {string} digest */
  const link = (digest) => make("a", { href: `#${digest}`, class: "digest" }, digest);
  if (entry.kind === "provenance") {
    const subjects = entry.subjects.map((it) => make("div", {}, link(`sha256:${it.sha256}`)));
    return makeList([
      ["artifacts", make("div", {}, ...subjects)],
      ["document", link(`sha256:${entry.provenance}`)],
      ["its type", entry.predicateType],
      ["signer, as claimed", entry.signer && link(`sha256:${entry.signer}`)],
    ]);
  }
  const digest = `${entry.algorithm.replace("SHA2_", "sha")}:${encodeHex(entry.digest)}`;
  const signers = entry.signatures.map((it) =>
    make(
      "div",
      {},
      it.isCertificate ? "certificate " : "key ",
      link(`sha256:${encodeHex(sha256(it.der))}`),
    ),
  );
  return makeList([
    ["kind", `Rekor ${entry.kind}`],
    [entry.kind === "dsse" ? "payload" : "signed digest", link(digest)],
    ["signed by", make("div", {}, ...signers)],
  ]);
}

/**
 * @typedef {object} Hits
 * @property {number[]} indexes
 * @property {number} completeTo entries below it were searched, as the server says
 * @property {boolean} isWhole whether there are no more pages
 */

/**
 * Ask the server for entries, and return their indexes; the answer proves nothing.
 * @param {string} base @param {Sought} sought @returns {Promise<Hits>}
 */
export async function search(base, { kind, text }) {
  const [path, name] = kind === "component" ? ["components", "purl"] : ["search", kind];
  const answer = await fetchMembers(base, `api/v1/${path}?${name}=${encodeURIComponent(text)}`);
  const hits = Array.isArray(answer.hits) ? answer.hits : [];
  const indexes = hits.map((it) => it?.index);
  if (!indexes.every((it) => Number.isSafeInteger(it) && it >= 0)) {
    throw new FormatError("an answer to a search has indexes");
  }
  const completeTo = typeof answer.complete_to === "number" ? answer.complete_to : 0;
  return { indexes, completeTo, isWhole: (answer.next ?? null) === null };
}

/**
 * Fill a place with the entries that a search finds, each proven; return what it found.
 * @param {Element} place @param {string} base @param {Head} head @param {Trust} trust @param {Sought} sought
 */
export async function showHits(place, base, head, trust, sought) {
  let found;
  try {
    found = await search(base, sought);
  } catch (error) {
    if (!(error instanceof AnswerError) && !(error instanceof FormatError)) throw error;
    const why =
      error instanceof AnswerError && error.status === 404
        ? "this server answers no searches (it may be a server of files)"
        : error.message;
    place.append(make("p", { class: "verdict skip" }, `Not searched: ${why}.`));
    return undefined;
  }
  const { indexes, completeTo, isWhole } = found;
  const count = indexes.length === 1 ? "One entry" : `${indexes.length} entries`;
  place.append(make("p", {}, `${count} by ${sought.kind} ${sought.text}.`));
  const checks = new Checks();
  const reach =
    completeTo === 0
      ? ""
      : ` The server says that it searched ${completeTo} of ${head.checkpoint.size} entries.`;
  const more = isWhole && indexes.length <= MOST_HITS ? "" : ` There are more than are shown.`;
  checks.add(
    "skip",
    "no hit was left out",
    `only the server's word says so: “Audit” looks through all entries.${reach}${more}`,
  );
  place.append(checks.list);
  for (const index of indexes.slice(0, MOST_HITS)) {
    place.append((await showEntry(base, head, trust, index, sought)).article);
  }
  return found;
}
