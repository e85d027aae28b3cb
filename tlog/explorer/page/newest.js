// The newest entries, each proven against the head; and word of new ones as they come.

import { make } from "./elements.js";
import { TlogError } from "./verify/errors.js";
import { leafHash } from "./verify/hashing.js";
import { artifactDigests, parseEntry } from "./verify/kinds.js";
import { verifyInclusion } from "./verify/merkle.js";

const SHOWN = 10;

/** Fill a list with the newest entries. @param {Element} list @param {import("./heads.js").Head} head */
export async function showNewest(list, head) {
  const { size, root } = head.checkpoint;
  const rows = [];
  for (let index = size - 1; index >= Math.max(0, size - SHOWN); index -= 1) {
    rows.push(make("li", {}, ...(await describeRow(index, head, size, root))));
  }
  list.replaceChildren(...rows);
}

/** @param {number} index @param {import("./heads.js").Head} head @param {number} size @param {Uint8Array} root */
async function describeRow(index, head, size, root) {
  const link = make("a", { href: `#${index}` }, `Entry ${index}`);
  try {
    const bytes = await head.tree.entry(index);
    verifyInclusion(index, size, leafHash(bytes), await head.tree.inclusionPath(index), root);
    const entry = parseEntry(bytes);
    const [digest] = artifactDigests(entry);
    const type =
      entry.kind === "provenance" ? (entry.predicateType ?? "no type") : `Rekor ${entry.kind}`;
    const word = make(
      "span",
      { class: head.checks.state === "pass" ? "verdict pass" : "verdict skip" },
      head.checks.state === "pass" ? "proven" : "in this head, which is not proven",
    );
    return [link, " ", word, make("br"), make("span", { class: "digest" }, digest), " ", type];
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    return [link, " ", make("span", { class: "verdict fail" }, `FAILED: ${error.message}`)];
  }
}

/**
 * Listen to new entries; tell: called with the index of each.
 * @param {string} base @param {Element} told @param {(index: number) => void} tell
 */
export function listen(base, told, tell) {
  const source = new EventSource(`${base}api/v1/events`);
  source.addEventListener("open", () => {
    told.textContent = "Listening: new entries appear as they come.";
  });
  source.addEventListener("error", () => {
    const isOver = source.readyState === EventSource.CLOSED;
    told.textContent = isOver
      ? "This server sends no word of new entries: look again by hand."
      : "Not connected; trying again.";
  });
  source.addEventListener("entry", (event) => tell(Number(event.lastEventId)));
  return source;
}
