// Drawings: the way from a leaf to the root, and how the log grew.

import { makeSvg } from "./elements.js";
import { encodeHex } from "./verify/lines.js";
import { nodeHash } from "./verify/hashing.js";

const [STEP, WIDTH] = [44, 360];

/**
 * Draw the way from a leaf to the root, each node with the sibling that it is hashed with.
 * @param {number} index @param {number} size @param {Uint8Array} leaf @param {Uint8Array[]} path proven
 */
export function drawPath(index, size, leaf, path) {
  const nodes = [leaf];
  /** @type {boolean[]} */ const isLeft = [];
  let [node, last] = [index, size - 1];
  for (const sibling of path) {
    const onLeft = node % 2 === 1 || node === last;
    while (onLeft && node % 2 === 0) [node, last] = [node / 2, Math.floor(last / 2)];
    const below = nodes[nodes.length - 1];
    nodes.push(onLeft ? nodeHash(sibling, below) : nodeHash(below, sibling));
    isLeft.push(onLeft);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  const height = STEP * nodes.length + 16;
  /** @param {number} level */
  const yOf = (level) => height - 24 - STEP * level;
  /** @type {Element[]} */ const drawn = [];
  path.forEach((sibling, level) => {
    const x = isLeft[level] ? 60 : WIDTH - 60;
    drawn.push(line(x, yOf(level), WIDTH / 2, yOf(level + 1), ""));
    drawn.push(line(WIDTH / 2, yOf(level), WIDTH / 2, yOf(level + 1), "way"));
    drawn.push(...spot(x, yOf(level), short(sibling), ""));
  });
  nodes.forEach((hash, level) => {
    const name = level === path.length ? "root " : level === 0 ? "leaf " : "";
    // Beside the way, where no sibling comes in from.
    const isFree = isLeft[Math.max(level - 1, 0)];
    drawn.push(...spot(WIDTH / 2, yOf(level), name + short(hash), "way", isFree ? "start" : "end"));
  });
  const words = `The way from entry ${index} to the root of ${size} entries, through ${path.length} siblings`;
  return makeSvg(
    "svg",
    { class: "tree", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": words },
    ...drawn,
  );
}

/** Draw the sizes that this browser has proven. @param {{size: number, when: number}[]} seen */
export function drawGrowth(seen) {
  const [first, last] = [seen[0], seen[seen.length - 1]];
  const [time, most] = [Math.max(last.when - first.when, 1), Math.max(last.size, 1)];
  const points = seen
    .map(
      ({ size, when }) => `${10 + (340 * (when - first.when)) / time},${90 - (80 * size) / most}`,
    )
    .join(" ");
  const words = `Growth from ${first.size} to ${last.size} entries, in ${seen.length} heads that were proven here`;
  return makeSvg(
    "svg",
    { class: "growth", viewBox: "0 0 360 100", role: "img", "aria-label": words },
    makeSvg("polyline", { points, class: "way" }),
    makeSvg("text", { x: "12", y: "98" }, `${first.size}`),
    makeSvg("text", { x: "348", y: "98", "text-anchor": "end" }, `${last.size}`),
  );
}

/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {string} kind */
function line(x1, y1, x2, y2, kind) {
  const [from, to] = [
    { x1: `${x1}`, y1: `${y1}` },
    { x2: `${x2}`, y2: `${y2}` },
  ];
  return makeSvg("line", { ...from, ...to, class: kind });
}

/**
 * @param {number} x @param {number} y @param {string} label @param {string} kind
 * @param {"start" | "middle" | "end"} anchor where the label stands: behind, below, before
 */
function spot(x, y, label, kind, anchor = "middle") {
  const circle = makeSvg("circle", { cx: `${x}`, cy: `${y}`, r: "5", class: kind });
  const [dx, dy] = { start: [10, 4], middle: [0, 18], end: [-10, 4] }[anchor];
  const place = { x: `${x + dx}`, y: `${y + dy}`, "text-anchor": anchor };
  return [circle, makeSvg("text", place, label)];
}

/** @param {Uint8Array} hash */
function short(hash) {
  return `${encodeHex(hash.subarray(0, 4))}…`;
}
