// Trust policies: which logs, which witnesses, how many of them.
//
//     log <vkey> [<url>]
//     witness <name> <vkey> [<url>]
//     group <name> all|any|<k> <member>...
//     quorum <name>|none
//     #!tlog retired <name>+<id> <size>
//
// A checkpoint satisfies a policy if one of the logs signed it, under its own origin, and
// the quorum's witnesses did too.  Names are opaque octets, defined before they are used,
// and each is a member at most once.  The last form is a comment to everybody else: of a
// key above it that signs no head of more than `size` entries any more.
// Source: C2SP tlog-policy; decision 0032 for the comment.

import { FormatError, QuorumError, SignatureError, UncheckedError } from "./errors.js";
import { COSIGNATURE, ED25519, MLDSA44, parseVerifierKey } from "./keys.js";
import { encodeText, parseDecimal, parseText, show } from "./lines.js";
import { openSignedCheckpoint } from "./signed.js";

/** @typedef {import("./keys.js").VerifierKey} VerifierKey */
/** @typedef {import("./signed.js").Signer} Signer */
/** @typedef {{name: string, key: VerifierKey}} PolicyWitness */
/** What a policy proved about a checkpoint.
 * @typedef {object} Witnessed
 * @property {import("./checkpoint.js").Checkpoint} checkpoint
 * @property {VerifierKey[]} log the log's keys that signed
 * @property {(Signer & {name: string})[]} witnesses all of the policy's that signed
 * @property {import("./signed.js").Unchecked[]} unchecked lines that nobody checked */

export const MAX_POLICY_BYTES = 1 << 20;
export const MAX_LINES = 4096;

const OURS = "#!tlog";
const LOG_TYPES = [ED25519, MLDSA44];
const WITNESS_TYPES = [COSIGNATURE, MLDSA44];

export class Policy {
  /** @type {VerifierKey[]} */ logs = [];
  /** @type {PolicyWitness[]} */ witnesses = [];
  /** @type {{name: string, needed: number, members: string[]}[]} */ groups = [];
  /** The name of a witness or group, or "none". @type {string | undefined} */ quorum;
  /** The size of the last head that a key signed. @type {Map<VerifierKey, number>} */
  #retired = new Map();
  /** @type {Set<string>} */ #names = new Set();
  /** @type {Set<string>} */ #members = new Set();

  /** Parse a policy; a FormatError names the line and the rule. @param {Uint8Array} bytes */
  static parse(bytes) {
    if (bytes.length > MAX_POLICY_BYTES) {
      throw new FormatError(`a policy has at most ${MAX_POLICY_BYTES} bytes`);
    }
    // One character an octet: names need not be UTF-8.
    const text = textOf(bytes);
    const lines = text.replace(/\n$/, "").split("\n");
    if (lines.length > MAX_LINES) {
      throw new FormatError(`a policy has at most ${MAX_LINES} lines`);
    }
    const policy = new Policy();
    lines.forEach((line, at) => {
      try {
        policy.#take(line);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        throw new FormatError(`policy line ${at + 1}: ${error.message}`);
      }
    });
    if (policy.quorum === undefined) throw new FormatError("a policy has one quorum line");
    return policy;
  }

  /** Return the checkpoint of a note that satisfies this policy. @param {Uint8Array} note @returns {Promise<Witnessed>} */
  async openCheckpoint(note) {
    const keys = this.witnesses.map((witness) => witness.key);
    const { checkpoint, signers, unchecked } = await openSignedCheckpoint(note, this.logs, keys);
    /** @param {VerifierKey} key */
    const isInTime = (key) => !(checkpoint.size > (this.#retired.get(key) ?? Infinity));
    /** @param {{key: VerifierKey}} it */
    const vouches = ({ key }) =>
      this.logs.includes(key) && key.name === checkpoint.origin && isInTime(key);
    const log = signers.filter(vouches).map((it) => it.key);
    if (log.length === 0) {
      const waiting = unchecked.find(vouches);
      if (waiting) throw new UncheckedError(waiting.why);
      throw new SignatureError(
        `only a key that retired before signed this head of ${checkpoint.size} entries: ` +
          "ask the log for a new proof",
      );
    }
    const inTime = this.witnesses.filter(({ key }) => isInTime(key));
    const witnesses = inTime.flatMap(({ name, key }) =>
      signers.filter((it) => it.key === key).map((it) => ({ ...it, name })),
    );
    this.#requireQuorum(
      new Set(witnesses.map((it) => it.name)),
      inTime.filter(({ key }) => unchecked.some((it) => it.key === key)).map((it) => it.name),
    );
    return { checkpoint, log, witnesses, unchecked };
  }

  /** @param {Set<string>} holding @param {string[]} unchecked */
  #requireQuorum(holding, unchecked) {
    if (this.#holds(holding)) return;
    const quorum = show(String(this.quorum));
    if (this.#holds(new Set([...holding, ...unchecked]))) {
      throw new UncheckedError(
        `the quorum ${quorum} needs a cosignature that this browser cannot check`,
      );
    }
    throw new QuorumError(`too few witnesses signed for the quorum ${quorum}`);
  }

  /** @param {Set<string>} holding */
  #holds(holding) {
    const held = new Set(holding);
    // A group's members stand above it, so one pass in file order decides them all.
    for (const group of this.groups) {
      if (group.members.filter((it) => held.has(it)).length >= group.needed) held.add(group.name);
    }
    return this.quorum === "none" || held.has(String(this.quorum));
  }

  /** @param {string} line */
  #take(line) {
    if (/[^\t\n\x20-\x7e\x80-\xff]/.test(line)) {
      throw new FormatError("an octet that a policy does not allow");
    }
    const fields = line.match(/[^ \t]+/g) ?? [];
    if (fields[0] === undefined || (fields[0].startsWith("#") && fields[0] !== OURS)) return;
    const [word, first, second, ...rest] = fields;
    const count = fields.length;
    if (word === "log" && (count === 2 || count === 3)) this.#takeLog(first, second);
    else if (word === "witness" && (count === 3 || count === 4)) {
      this.#takeWitness(first, second, rest[0]);
    } else if (word === "group" && count >= 4) this.#takeGroup(first, second, rest);
    else if (word === "quorum" && count === 2) this.#takeQuorum(first);
    else if (word === OURS && first === "retired" && count === 4) {
      this.#retire(second, parseDecimal("a size", rest[0]));
    } else throw new FormatError(`not a log, witness, group or quorum line: found ${show(line)}`);
  }

  /** @param {string} vkey @param {string | undefined} url */
  #takeLog(vkey, url) {
    requireAscii(url);
    const key = parseKey(vkey);
    if (!LOG_TYPES.includes(key.type)) throw new FormatError("a log's key has type 01 or 06");
    requireNewKey(key, this.logs);
    this.logs.push(key);
  }

  /** @param {string} name @param {string} vkey @param {string | undefined} url */
  #takeWitness(name, vkey, url) {
    requireAscii(url);
    const key = parseKey(vkey);
    if (!WITNESS_TYPES.includes(key.type)) {
      throw new FormatError("a witness's key has type 04 or 06");
    }
    requireNewKey(
      key,
      this.witnesses.map((it) => it.key),
    );
    this.#define(name);
    this.witnesses.push({ name, key });
  }

  /** @param {string} name @param {string} threshold @param {string[]} members */
  #takeGroup(name, threshold, members) {
    const keywords = new Map([
      ["all", members.length],
      ["any", 1],
    ]);
    const needed =
      keywords.get(threshold) ?? parseDecimal("a group's threshold", threshold, members.length);
    if (needed === 0) throw new FormatError("a group's threshold is at least 1");
    for (const member of members) {
      if (!this.#names.has(member)) {
        throw new FormatError(`a group's member is not defined above it: found ${show(member)}`);
      }
      if (this.#members.has(member)) {
        throw new FormatError(`a name is a member twice: found ${show(member)}`);
      }
      this.#members.add(member);
    }
    this.#define(name);
    this.groups.push({ name, needed, members });
  }

  /** @param {string} name */
  #takeQuorum(name) {
    if (this.quorum !== undefined) throw new FormatError("a policy has one quorum line");
    if (name !== "none" && !this.#names.has(name)) {
      throw new FormatError(`the quorum is not defined above it: found ${show(name)}`);
    }
    this.quorum = name;
  }

  /** @param {string} named one character an octet @param {number} size */
  #retire(named, size) {
    const keys = [...this.logs, ...this.witnesses.map((it) => it.key)];
    const key = keys.find(
      (it) => octetsOf(`${it.name}+${it.id}`) === named && !this.#retired.has(it),
    );
    if (key === undefined) {
      throw new FormatError(`no key above retires, or it does twice: found ${show(named)}`);
    }
    this.#retired.set(key, size);
  }

  /** @param {string} name */
  #define(name) {
    if (name === "none") throw new FormatError("none is not a name to define");
    if (this.#names.has(name)) {
      throw new FormatError(`a name is defined twice: found ${show(name)}`);
    }
    this.#names.add(name);
  }
}

/** Return bytes with one character an octet. @param {Uint8Array} bytes */
function textOf(bytes) {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Return the UTF-8 of a text, one character an octet. @param {string} text */
function octetsOf(text) {
  return textOf(encodeText(text));
}

/** Parse a key of one character an octet. @param {string} vkey */
function parseKey(vkey) {
  const bytes = Uint8Array.from(vkey, (char) => char.charCodeAt(0));
  return parseVerifierKey(parseText("a key name", bytes));
}

/** @param {string | undefined} url */
function requireAscii(url) {
  if (url !== undefined && /[^\0-\x7f]/.test(url)) throw new FormatError("a URL is ASCII");
}

/** Two names for one key would let one signer count twice. @param {VerifierKey} key @param {VerifierKey[]} known */
function requireNewKey(key, known) {
  if (known.some((it) => String(it.publicBytes) === String(key.publicBytes))) {
    throw new FormatError(`a public key stands here twice: found ${show(key.name)}`);
  }
}
