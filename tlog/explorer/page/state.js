// The log's state: what was proven of its witnesses, and what the log says of them.

import { drawGrowth } from "./drawing.js";
import { make, makeTable } from "./elements.js";
import { AnswerError, fetchMembers } from "./fetching.js";
import { inWords } from "./heads.js";
import { seenSizes } from "./trust.js";
import { FormatError } from "./verify/errors.js";

/** Return what is known of a log. @param {string} base @param {import("./heads.js").Head} head @param {import("./trust.js").Trust} trust */
export async function describeState(base, head, trust) {
  const place = make("div");
  const { origin, size } = head.checkpoint;
  if (trust.policy && trust.policy.witnesses.length > 0) {
    const rows = trust.policy.witnesses.map(({ name, key }) => {
      const found = head.witnessed?.witnesses.find((it) => it.key === key);
      return [
        name,
        key.name,
        found ? `cosigned this head, ${inWords(found.time)}` : "no proven cosignature of this head",
      ];
    });
    place.append(
      make("h3", {}, "Witnesses of your policy"),
      makeTable(["witness", "its key", "this head"], rows),
    );
  }
  const seen = seenSizes(origin);
  if (seen.length > 1)
    place.append(make("h3", {}, "Growth, as this browser proved it"), drawGrowth(seen));
  const said = await whatTheLogSays(base, size);
  if (said) place.append(said);
  return place;
}

/** @param {string} base @param {number} size */
async function whatTheLogSays(base, size) {
  let answer;
  try {
    answer = await fetchMembers(base, "api/v1/log");
  } catch (error) {
    if (error instanceof AnswerError || error instanceof FormatError) return null;
    throw error;
  }
  const lag =
    typeof answer.size === "number"
      ? `${answer.size} entries signed, ${answer.size - size} of them beyond this head; version ${answer.version}.`
      : "";
  const told = make(
    "details",
    {},
    make("summary", {}, "What the log says of itself (not checked)"),
    make("p", {}, lag),
  );
  if (Array.isArray(answer.witnesses)) {
    const rows = answer.witnesses.map((it) => [
      String(it?.name),
      String(it?.outcome),
      `${it?.known_size ?? "unknown"}`,
      typeof it?.last_success === "number" ? inWords(it.last_success) : "never",
    ]);
    told.append(makeTable(["witness", "last outcome", "size it knows", "last cosigned"], rows));
  }
  return told;
}

/** Return the policy that a log names, or "". @param {string} base */
export async function ownPolicy(base) {
  try {
    return String((await fetchMembers(base, "api/v1/log")).policy ?? "");
  } catch (error) {
    if (error instanceof AnswerError || error instanceof FormatError) return "";
    throw error;
  }
}
