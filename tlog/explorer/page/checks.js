// Checks, each shown as what it is: green with what was compared, red with the step that
// failed, grey with why it was not checked.  Nothing is green by default.

import { make } from "./elements.js";
import { TlogError, UncheckedError } from "./verify/errors.js";

/** @typedef {"pass" | "fail" | "skip"} State */

const WORDS = { pass: "proven", fail: "FAILED", skip: "not checked" };

/** A list of checks, which grows on the page as they are made. */
export class Checks {
  /** @type {State[]} */ #states = [];

  /** @param {Element} [list] where they are shown */
  constructor(list = make("ul", { class: "checks" })) {
    this.list = list;
  }

  /** The state of all of them: red if one is, else grey if one is. @returns {State} */
  get state() {
    if (this.#states.includes("fail")) return "fail";
    return this.#states.length === 0 || this.#states.includes("skip") ? "skip" : "pass";
  }

  /** @param {State} state @param {string} title @param {string} detail @param {...Node} more */
  add(state, title, detail, ...more) {
    this.#states.push(state);
    const word = make("span", { class: "word" }, WORDS[state]);
    const told = make("span", { class: "detail" }, detail);
    this.list.append(make("li", { class: state }, word, `: ${title}`, told, ...more));
  }

  /**
   * Tell what nobody asked to be checked: grey, and no other claim waits for it.
   * @param {string} title @param {string} detail
   */
  note(title, detail) {
    const states = this.#states.length;
    this.add("skip", title, detail);
    this.#states.length = states;
  }

  /** Take over the checks of another list, and none of its buttons. @param {Checks} other */
  addAll(other) {
    this.#states.push(...other.#states);
    const copies = [...other.list.children].map(
      (it) => /** @type {Element} */ (it.cloneNode(true)),
    );
    for (const copy of copies) copy.querySelectorAll("button").forEach((it) => it.remove());
    this.list.append(...copies);
  }

  /**
   * Make one check; `check` returns what was compared, or throws.  Return what it returns
   * beside that, or undefined if it did not hold.
   * @template T @param {string} title @param {() => Promise<[string, T]>} check
   * @returns {Promise<T | undefined>}
   */
  async run(title, check) {
    try {
      const [detail, value] = await check();
      this.add("pass", title, detail);
      return value;
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      this.add(error instanceof UncheckedError ? "skip" : "fail", title, error.message);
      return undefined;
    }
  }
}

/** Return the line that says what all checks together are worth. @param {State} state @param {string} claim */
export function verdict(state, claim) {
  const words = {
    pass: `Proven: ${claim}`,
    fail: `Not proven: ${claim}. A check failed.`,
    skip: `Not proven: ${claim}. Something was not checked.`,
  };
  return make("p", { class: `verdict ${state}` }, words[state]);
}
