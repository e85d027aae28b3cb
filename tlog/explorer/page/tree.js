// The tree of one head, read from tiles: roots, inclusion paths and consistency paths.
// What comes out is what the tiles say; `verify/merkle.js` then holds it to a signed root.
// Source: RFC 6962, 2.1; C2SP tlog-tiles.

import { AnswerError, fetchBytes } from "./fetching.js";
import { parseBundle, MAX_BUNDLE_BYTES } from "./verify/bundles.js";
import { FormatError } from "./verify/errors.js";
import { EMPTY_ROOT, HASH_SIZE, hashLevel, nodeHash } from "./verify/hashing.js";
import { TILE_WIDTH, bundleOf, tileOf, tilePath } from "./verify/tiles.js";

/** @typedef {Uint8Array<ArrayBuffer>} Hash */
/** @typedef {import("./verify/tiles.js").Tile} Tile */

const KEPT_TILES = 256;

export class TileTree {
  /** @type {Map<string, Promise<Hash>>} */ #kept = new Map();

  /** @param {string} base URL that tiles stand below @param {number} size */
  constructor(base, size) {
    this.base = base;
    this.size = size;
  }

  /** Return the entry at an index. @param {number} index */
  async entry(index) {
    const tile = bundleOf(index, this.size);
    return parseBundle(await this.#bytes(tile, MAX_BUNDLE_BYTES), tile.width)[index % TILE_WIDTH];
  }

  /** Return the root that the tree had at a size. @param {number} size */
  async root(size = this.size) {
    return size === 0 ? EMPTY_ROOT : this.#range(0, size);
  }

  /** Return the inclusion path of a leaf. @param {number} index */
  async inclusionPath(index) {
    let [start, end] = [0, this.size];
    const path = [];
    while (end - start > 1) {
      const middle = start + largestBelow(end - start);
      if (index < middle) {
        path.unshift(await this.#range(middle, end));
        end = middle;
      } else {
        path.unshift(await this.#range(start, middle));
        start = middle;
      }
    }
    return path;
  }

  /** Return the consistency path from an older size. @param {number} old */
  async consistencyPath(old) {
    let [start, end, isKnown] = [0, this.size, true];
    const path = [];
    while (old > 0 && old < end) {
      const middle = start + largestBelow(end - start);
      if (old <= middle) {
        path.unshift(await this.#range(middle, end));
        end = middle;
      } else {
        path.unshift(await this.#range(start, middle));
        [start, isKnown] = [middle, false];
      }
    }
    if (!isKnown) path.unshift(await this.#range(start, end));
    return path;
  }

  /** @param {number} start aligned to the size of the range @param {number} end @returns {Promise<Hash>} */
  async #range(start, end) {
    const count = end - start;
    const left = largestBelow(count);
    if (2 * left === count || count === 1) return this.#node(Math.log2(count), start / count);
    return nodeHash(await this.#range(start, start + left), await this.#range(start + left, end));
  }

  /** Return the root of a full subtree. @param {number} level @param {number} nth */
  async #node(level, nth) {
    const count = 2 ** (level % 8);
    const tile = tileOf(Math.floor(level / 8), nth * count, this.size);
    const bytes = await this.#bytes(tile, TILE_WIDTH * HASH_SIZE);
    if (bytes.length !== tile.width * HASH_SIZE) {
      throw new FormatError(`${tilePath(tile)} has ${bytes.length} bytes`);
    }
    const first = (nth * count) % TILE_WIDTH;
    let hashes = Array.from({ length: count }, (_, at) =>
      bytes.subarray((first + at) * HASH_SIZE, (first + at + 1) * HASH_SIZE),
    );
    while (hashes.length > 1) hashes = hashLevel(hashes);
    return hashes[0];
  }

  /** @param {Tile} tile @param {number} limit @returns {Promise<Hash>} */
  #bytes(tile, limit) {
    const path = tilePath(tile);
    const kept = this.#kept.get(path) ?? readTile(this.base, tile, limit);
    this.#kept.delete(path);
    this.#kept.set(path, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_TILES) break;
      this.#kept.delete(oldest);
    }
    return kept;
  }
}

/**
 * Return the bytes of a tile.  A server of files may have dropped a tile that was
 * incomplete once; the full one begins with the same bytes.
 * @param {string} base @param {Tile} tile @param {number} limit
 */
export async function readTile(base, tile, limit) {
  try {
    return await fetchBytes(base, tilePath(tile), limit);
  } catch (error) {
    const isGone = error instanceof AnswerError && error.status === 404;
    if (!isGone || tile.width === TILE_WIDTH) throw error;
    let full;
    try {
      full = await fetchBytes(base, tilePath({ ...tile, width: TILE_WIDTH }), limit);
    } catch {
      throw error;
    }
    return tile.level === "entries"
      ? startOfBundle(full, tile.width)
      : full.slice(0, tile.width * HASH_SIZE);
  }
}

/** @param {Uint8Array<ArrayBuffer>} bundle @param {number} width */
function startOfBundle(bundle, width) {
  const entries = parseBundle(bundle, TILE_WIDTH).slice(0, width);
  return bundle.slice(
    0,
    entries.reduce((sum, entry) => sum + 2 + entry.length, 0),
  );
}

/** Return the largest power of two below a number; 1 for 1. @param {number} count */
function largestBelow(count) {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}
