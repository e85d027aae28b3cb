// Files that are dropped: an artifact, a proof file, a Sigstore bundle, evidence.  They are
// read here and never sent; of an artifact the server is asked for the digest alone.

import { Checks, verdict } from "./checks.js";
import { make } from "./elements.js";
import { NO_POLICY, checkSignatures } from "./heads.js";
import { describe } from "./lookups.js";
import { drawPath } from "./drawing.js";
import { FormatError, UncheckedError, VerificationError } from "./verify/errors.js";
import { parseEvidence, verifyEvidence } from "./verify/evidence.js";
import { leafHash, newHashers } from "./verify/hashing.js";
import { artifactDigests, parseEntry } from "./verify/kinds.js";
import { parseCheckpoint } from "./verify/checkpoint.js";
import { encodeBase64, encodeHex, parseText } from "./verify/lines.js";
import { verifyInclusion } from "./verify/merkle.js";
import { parseNote } from "./verify/note.js";
import { MAX_PROOF_BYTES, PROOF_MAGIC, parseProof } from "./verify/proof.js";
import {
  MAX_BUNDLE_BYTES,
  openLogged,
  openSigned,
  parseBundleFile,
  requireBound,
} from "./verify/sigstore.js";
import { work } from "./working.js";

/** @typedef {import("./trust.js").Trust} Trust */
/** @typedef {{file: File, digests: Record<string, string>}} Artifact */
/** @typedef {"proof" | "bundle" | "evidence" | "artifact"} FileKind */

const MAX_SIGNED_BYTES = 1 << 28;

/** Tell what a file is, by how it begins. @param {File} file @returns {Promise<FileKind>} */
export async function kindOf(file) {
  const start = new TextDecoder().decode(await file.slice(0, 4096).arrayBuffer());
  if (start.startsWith(`${PROOF_MAGIC}\n`)) return "proof";
  if (start.startsWith("tlog-evidence@v1\n")) return "evidence";
  const isBundle = /^\s*\{/.test(start) && file.size <= MAX_BUNDLE_BYTES;
  if (isBundle && (await file.text()).includes('"application/vnd.dev.sigstore.bundle'))
    return "bundle";
  return "artifact";
}

/** Hash a file in a worker. @param {File} file @param {(done: number, all: number) => void} tell @returns {Promise<Artifact>} */
export async function hashed(file, tell) {
  return { file, digests: await work({ file }, tell) };
}

/**
 * Return the verdict on a proof file.
 * @param {File} file @param {Artifact | undefined} artifact that it should be of @param {Trust} trust
 */
export async function showProof(file, artifact, trust) {
  const checks = new Checks();
  const article = make("article", {}, make("h3", {}, `Proof file ${file.name}`));
  const proof = await checks.run("it is a proof file with its entry", async () => {
    const found = parseProof(await bytesOf(file, MAX_PROOF_BYTES));
    if (found.extra === null) throw new FormatError("the proof has no extra line with the entry");
    return [
      `entry ${found.index}, ${found.path.length} hashes, ${found.extra.length} bytes of entry`,
      { ...found, extra: found.extra },
    ];
  });
  const entry =
    proof &&
    (await checks.run("the entry is in canonical form", async () => [
      parseEntry(proof.extra).kind,
      parseEntry(proof.extra),
    ]));
  const head =
    proof &&
    (await checks.run("it holds a signed head", async () => {
      const found = parseCheckpoint(parseNote(proof.note).text);
      return [`${found.origin}, ${found.size} entries`, found];
    }));
  let drawn = null;
  if (proof && head) {
    const leaf = leafHash(proof.extra);
    const isIn = await checks.run(
      "the entry's hash and the path lead to the head's root",
      async () => {
        verifyInclusion(proof.index, head.size, leaf, proof.path, head.root);
        return [
          `leaf ${encodeHex(leaf)} and ${proof.path.length} hashes give the root ${encodeBase64(head.root)}`,
          true,
        ];
      },
    );
    if (isIn) drawn = drawPath(proof.index, head.size, leaf, proof.path);
    await checkSignatures(proof.note, trust, checks);
  }
  if (entry) await checkArtifact(checks, artifactDigests(entry), artifact);
  const name = artifact ? artifact.file.name : "the artifact";
  article.append(verdict(checks.state, `${head?.origin ?? "a log"} knows ${name}`));
  if (entry) article.append(describe(entry));
  article.append(checks.list);
  if (drawn) article.append(drawn);
  return { article, state: checks.state };
}

/** @param {Checks} checks @param {string[]} named @param {Artifact | undefined} artifact */
async function checkArtifact(checks, named, artifact) {
  await checks.run("the entry names the file", async () => {
    if (artifact === undefined)
      throw new UncheckedError("no file was dropped beside it: drop both together");
    const known = Object.entries(artifact.digests).map(([name, digits]) => `${name}:${digits}`);
    const found = named.find((it) => known.includes(it));
    if (found === undefined) {
      throw new VerificationError(
        `the proven entry does not name sha256:${artifact.digests.sha256}`,
      );
    }
    return [found, null];
  });
}

/**
 * Return the verdict on a Sigstore bundle.
 * @param {File} file @param {Artifact | undefined} artifact @param {Trust} trust
 */
export async function showBundle(file, artifact, trust) {
  const checks = new Checks();
  const article = make("article", {}, make("h3", {}, `Sigstore bundle ${file.name}`));
  const bundle = await checks.run("it is a Sigstore bundle", async () => {
    const found = parseBundleFile(await bytesOf(file, MAX_BUNDLE_BYTES));
    return [
      `${found.envelope ? "an attestation" : "a signature"}, ${found.entries.length} log entries`,
      found,
    ];
  });
  if (bundle) await checkBundle(checks, bundle, artifact, trust);
  article.append(
    verdict(checks.state, `${artifact?.file.name ?? "the artifact"} is signed, and a log knows it`),
    checks.list,
  );
  return { article, state: checks.state };
}

/** @param {Checks} checks @param {import("./verify/sigstore.js").Bundle} bundle @param {Artifact | undefined} artifact @param {Trust} trust */
async function checkBundle(checks, bundle, artifact, trust) {
  const signed = await checks.run("the signature holds, and is of the file", async () => {
    if (artifact === undefined)
      throw new UncheckedError("no file was dropped beside it: drop both together");
    if (bundle.certificates.length === 0 && trust.keys.length === 0) {
      throw new UncheckedError(
        "it is signed with a key, and no public key was given: paste it below",
      );
    }
    const found = await openSigned(
      bundle,
      { digests: artifact.digests, read: () => bytesOf(artifact.file, MAX_SIGNED_BYTES) },
      trust.keys,
    );
    return [
      `by the ${found.key.isCertificate ? "certificate" : "key"} sha256:${found.key.sha256}`,
      found,
    ];
  });
  if (bundle.certificates.length > 0) {
    checks.add(
      "skip",
      "who the certificate is of",
      "certificates are not judged here: tlog verify --trusted-root FILE --identity NAME --issuer URL does",
    );
  }
  if (bundle.timestamps > 0)
    checks.add("skip", "when it was signed", "timestamps are not judged here");
  if (bundle.entries.length === 0)
    checks.add("fail", "a log knows it", "the bundle has no log entry");
  for (const entry of bundle.entries) {
    await checks.run("a log's entry is in a tree that satisfies the policy", async () => {
      if (trust.policy === undefined) throw new UncheckedError(NO_POLICY);
      const { checkpoint, witnesses } = await openLogged(entry, trust.policy);
      return [
        `entry ${entry.index} of ${checkpoint.size} in ${checkpoint.origin}, cosigned by ${witnesses.length}`,
        null,
      ];
    });
    await checks.run("the log's entry is of this very signature", async () => {
      if (signed === undefined) throw new UncheckedError("the signature comes first");
      requireBound(entry, bundle, signed, digestsOf(signed.message));
      return [`${entry.kind} ${entry.version}`, null];
    });
  }
}

/** Return the verdict on evidence of two histories. @param {File} file @param {Trust} trust */
export async function showEvidence(file, trust) {
  const checks = new Checks();
  await checks.run("a log's key signed two histories", async () => {
    const evidence = parseEvidence(await bytesOf(file, 4 * MAX_PROOF_BYTES));
    if (trust.policy === undefined) throw new UncheckedError(NO_POLICY);
    await verifyEvidence(evidence, trust.policy);
    return [parseText("a note", evidence.newer).split("\n")[0], null];
  });
  const told = verdict(checks.state, "the log is convicted");
  return {
    article: make("article", {}, make("h3", {}, `Evidence ${file.name}`), told, checks.list),
    state: checks.state,
  };
}

/** @param {Uint8Array} bytes */
function digestsOf(bytes) {
  return Object.fromEntries(
    Object.entries(newHashers()).map(([name, it]) => [name, encodeHex(it.update(bytes).digest())]),
  );
}

/** @param {File} file @param {number} limit */
async function bytesOf(file, limit) {
  if (file.size > limit) throw new UncheckedError(`${file.name} has more than ${limit} bytes`);
  return new Uint8Array(await file.arrayBuffer());
}
