// What the server beside this page answers, bounded in bytes; nothing of it is believed.

import { TlogError } from "./verify/errors.js";
import { asObject, parseObject } from "./verify/json.js";
import { joinBytes } from "./verify/lines.js";

/** The server did not answer, or not with that. */
export class AnswerError extends TlogError {
  /** @param {string} why @param {number} [status] @param {Uint8Array<ArrayBuffer>} [body] */
  constructor(why, status = 0, body = new Uint8Array()) {
    super(why);
    this.status = status;
    this.body = body;
  }
}

const MAX_ANSWER_BYTES = 1 << 24;

/** Tiles never change, and may be kept for long. @type {RequestCache} */
let tileCache = "default";

/**
 * Set what the browser's cache is used for from now on: a tile that was wrong once must not
 * stay wrong here, and an audit is of what the server has now.
 * @param {"reload" | "no-store"} mode
 */
export function askForTiles(mode) {
  tileCache = mode;
}

/**
 * Return the bytes at a path below a URL; an AnswerError unless it is 200.
 * @param {string} base with its last slash @param {string} path
 * @param {number} [limit] bytes @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function fetchBytes(base, path, limit = MAX_ANSWER_BYTES) {
  let answer;
  try {
    const cache = path.startsWith("tile/") ? tileCache : "no-store";
    answer = await fetch(base + path, { cache, credentials: "omit", redirect: "error" });
  } catch {
    throw new AnswerError(`the server did not answer ${path}`);
  }
  const body = await readBytes(answer, path, limit);
  if (answer.status === 200) return body;
  throw new AnswerError(
    `the server answers ${path} with status ${answer.status}`,
    answer.status,
    body,
  );
}

/** Return the members of a JSON answer. @param {string} base @param {string} path */
export async function fetchMembers(base, path) {
  return asObject("an answer", parseObject("an answer", await fetchBytes(base, path)));
}

/** @param {Response} answer @param {string} path @param {number} limit */
async function readBytes(answer, path, limit) {
  const parts = [];
  let size = 0;
  const reader = answer.body?.getReader();
  try {
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      parts.push(piece.value);
      size += piece.value.length;
      if (size > limit) {
        await reader?.cancel();
        throw new AnswerError(`the answer to ${path} has more than ${limit} bytes`);
      }
    }
  } catch (error) {
    throw error instanceof AnswerError
      ? error
      : new AnswerError(`the answer to ${path} was cut short`);
  }
  return joinBytes(...parts);
}
