// The hashes of a tree.  A leaf and a node start with different bytes, so that no node
// can pass for a leaf.  Source: RFC 6962, 2.1.
//
// WebCrypto's digests are asynchronous and take a message as a whole, so that a million
// leaves or a large file would take minutes or all memory: SHA-2 is a vendored library.

import {
  sha256 as hash256,
  sha384 as hash384,
  sha512 as hash512,
} from "../vendor/noble-hashes/sha2.js";

export const HASH_SIZE = 32;

/** By which algorithms artifacts are named, and how long a digest is. */
export const DIGEST_BYTES = { sha256: 32, sha384: 48, sha512: 64 };

// A hasher for each message would take as long again as the message itself.
const FRESH = hash256.create();
const HASHER = hash256.create();

/** @param {Uint8Array} bytes @returns {Uint8Array<ArrayBuffer>} */
export function sha256(bytes) {
  FRESH._cloneInto(HASHER);
  const digest = new Uint8Array(HASH_SIZE);
  HASHER.update(bytes).digestInto(digest);
  return digest;
}

/** Return hashers that take a message piece by piece, one for each algorithm. */
export function newHashers() {
  return { sha256: hash256.create(), sha384: hash384.create(), sha512: hash512.create() };
}

/** The root of the tree without leaves. */
export const EMPTY_ROOT = sha256(new Uint8Array());

/** @param {Uint8Array} entry */
export function leafHash(entry) {
  const message = new Uint8Array(1 + entry.length);
  message.set(entry, 1);
  return sha256(message);
}

const PAIR = new Uint8Array(65);
PAIR[0] = 1;

/** Return the hash of the node above two hashes. @param {Uint8Array} left @param {Uint8Array} right */
export function nodeHash(left, right) {
  PAIR.set(left, 1);
  PAIR.set(right, 33);
  return sha256(PAIR);
}

/**
 * Return the parents of nodes, two by two; a last one alone stays as it is.
 * @param {Uint8Array<ArrayBuffer>[]} nodes
 */
export function hashLevel(nodes) {
  const parents = [];
  for (let at = 0; at + 1 < nodes.length; at += 2) {
    parents.push(nodeHash(nodes[at], nodes[at + 1]));
  }
  if (nodes.length % 2) parents.push(nodes[nodes.length - 1]);
  return parents;
}
