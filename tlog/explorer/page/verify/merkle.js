// Inclusion and consistency of Merkle trees.  Each `verify…` returns nothing or throws a
// ProofError; there is no verdict to ignore.  Hashes are 32 bytes, sizes count leaves,
// indexes start at 0.  Source: RFC 6962, 2.1.1 and 2.1.2; RFC 9162, 2.1.3.2 and 2.1.4.2.

import { ProofError } from "./errors.js";
import { EMPTY_ROOT, HASH_SIZE, nodeHash } from "./hashing.js";
import { MAX_SIZE, sameBytes } from "./lines.js";

/** The most hashes that a proof can have. */
export const MAX_PATH = 63;

/**
 * Return the root that a path implies for the leaf at `index`.
 * Trusting the root is the caller's: see `verifyInclusion`.
 * @param {number} index @param {number} size @param {Uint8Array} leaf its hash
 * @param {readonly Uint8Array[]} path sibling hashes from the leaf up
 * @returns {Uint8Array}
 */
export function rootFromInclusionProof(index, size, leaf, path) {
  requireSizes(index, size);
  if (!(index < size)) {
    throw new ProofError(`index ${index} is not in a tree of ${size} leaves`);
  }
  requireHashes(leaf, ...path);
  let [node, last, root] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) throw new ProofError("the inclusion proof is too long");
    if (node % 2 === 1 || node === last) {
      root = nodeHash(sibling, root);
      while (node % 2 === 0) [node, last] = [half(node), half(last)];
    } else {
      root = nodeHash(root, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) throw new ProofError("the inclusion proof is too short");
  return root;
}

/**
 * Prove that the leaf at `index` of the tree (size, root) has a hash.
 * @param {number} index @param {number} size @param {Uint8Array} leaf
 * @param {readonly Uint8Array[]} path @param {Uint8Array} root
 */
export function verifyInclusion(index, size, leaf, path, root) {
  requireHashes(root);
  if (!sameBytes(rootFromInclusionProof(index, size, leaf, path), root)) {
    throw new ProofError("the inclusion proof does not lead to the root");
  }
}

/**
 * Prove that the tree (newSize, newRoot) extends (oldSize, oldRoot).  Every tree extends
 * the empty one, by an empty path.
 * @param {number} oldSize @param {number} newSize @param {readonly Uint8Array[]} path
 * @param {Uint8Array} oldRoot @param {Uint8Array} newRoot
 */
export function verifyConsistency(oldSize, newSize, path, oldRoot, newRoot) {
  requireSizes(oldSize, newSize);
  if (!(oldSize <= newSize)) {
    throw new ProofError(`a tree of ${newSize} cannot extend one of ${oldSize}`);
  }
  if (path.length > MAX_PATH + 1) {
    throw new ProofError(`a consistency proof has at most ${MAX_PATH + 1} hashes`);
  }
  requireHashes(oldRoot, newRoot, ...path);
  if (oldSize > 0) {
    const [found, root] = rootsFromConsistencyProof(oldSize, newSize, path, oldRoot);
    if (!sameBytes(found, oldRoot) || !sameBytes(root, newRoot)) {
      throw new ProofError("the consistency proof does not lead to the roots");
    }
    return;
  }
  if (path.length > 0) {
    throw new ProofError("a consistency proof from the empty tree has no hashes");
  }
  const isEmptyToo = newSize > 0 || sameBytes(newRoot, EMPTY_ROOT);
  if (!sameBytes(oldRoot, EMPTY_ROOT) || !isEmptyToo) {
    throw new ProofError("the empty tree has another root");
  }
}

/**
 * Return the roots of the old and of the new tree that a path implies.
 * @param {number} oldSize at least 1 @param {number} newSize
 * @param {readonly Uint8Array[]} path
 * @param {Uint8Array} oldRoot only begun from where the proof leaves it out
 * @returns {[Uint8Array, Uint8Array]}
 */
export function rootsFromConsistencyProof(oldSize, newSize, path, oldRoot) {
  let [first, last, top] = [0, oldSize - 1, newSize - 1];
  // Up to where the old tree's last leaf ends a whole left child, or to its root.
  while (first !== last && (last === top || last % 2 === 1)) {
    [last, top] = [half(last), half(top)];
  }
  let rest = path;
  let [old, tree] = [oldRoot, oldRoot];
  if (first !== last) {
    if (path.length === 0) throw new ProofError("the consistency proof is too short");
    old = tree = path[0];
    rest = path.slice(1);
  }
  for (const sibling of rest) {
    if (top === 0) throw new ProofError("the consistency proof is too long");
    if (last % 2 === 1 || last === top) {
      if (first < last) old = nodeHash(sibling, old);
      tree = nodeHash(sibling, tree);
      while (last % 2 === 0) [last, top] = [half(last), half(top)];
    } else {
      tree = nodeHash(tree, sibling);
    }
    [last, top] = [half(last), half(top)];
  }
  if (top !== 0) throw new ProofError("the consistency proof is too short");
  return [old, tree];
}

/** @param {number} number */
function half(number) {
  return Math.floor(number / 2);
}

/** @param {...number} numbers */
function requireSizes(...numbers) {
  if (!numbers.every((it) => Number.isInteger(it) && it >= 0 && it <= MAX_SIZE)) {
    throw new ProofError("an index or a size is out of bounds");
  }
}

/** @param {...Uint8Array} hashes */
function requireHashes(...hashes) {
  if (hashes.some((it) => it.length !== HASH_SIZE)) {
    throw new ProofError(`every hash of a proof has ${HASH_SIZE} bytes`);
  }
}
