// The page: it looks at the log beside it, and shows what it proved.  Which log that is, is
// where the page lies: `checkpoint` and `tile/` stand beside it.

import { Checks, verdict } from "./checks.js";
import { find, findAs, make } from "./elements.js";
import { askForTiles } from "./fetching.js";
import { readHead } from "./heads.js";
import { showEntry, showHits } from "./lookups.js";
import { listen, showNewest } from "./newest.js";
import { describeState, ownPolicy } from "./state.js";
import { forgetAll, keepTrust, keptTrust } from "./trust.js";
import { FormatError, TlogError } from "./verify/errors.js";
import { work } from "./working.js";

/** @typedef {import("./lookups.js").Hits} Hits */

const BASE = new URL(".", location.href).href;
const DIGEST = /^sha(?:256|384|512):[0-9a-f]+$/;
const KINDS = ["key", "identity", "issuer", "component"];

/** @type {import("./heads.js").Head | undefined} */ let head;
/** @type {Promise<void>} */ let looking = Promise.resolve();
/** How many looks are under way or wait. */
let looks = 0;
/** Grows with each question, so that a late answer to an older one is not shown. */
let asked = 0;
/** What the last search for a digest found. @type {Hits & {text: string} | undefined} */ let lastHits;

/** Look at the log once more. */
async function look() {
  const checks = new Checks();
  const trust = keptTrust();
  const found = await readHead(BASE, trust, checks);
  head = found;
  const place = find("head");
  if (found === undefined) {
    place.replaceChildren(verdict("fail", "there is a head"), checks.list);
    return;
  }
  const { origin, size } = found.checkpoint;
  find("origin").textContent = origin;
  document.title = `${origin}: transparency log`;
  place.replaceChildren(
    verdict(checks.state, `${origin} has ${size} entries, and shows one history to this browser`),
    checks.list,
    await describeState(BASE, found, trust),
  );
  await showNewest(find("newest"), found);
}

/** Look again, one look after the other. */
function lookAgain() {
  looks += 1;
  find("head").setAttribute("aria-busy", "true");
  // A look that failed keeps no other from being taken.
  looking = looking
    .catch(() => undefined)
    .then(look)
    .finally(() => {
      looks -= 1;
      if (looks === 0) find("head").removeAttribute("aria-busy");
    });
  return looking;
}

/** Show what the address asks for. */
async function route() {
  const wanted = decoded(location.hash.slice(1));
  asked += 1;
  lastHits = undefined;
  if (wanted === "" || wanted === "main") {
    find("answer").hidden = true;
    return;
  }
  await answer(async (place) => {
    await looking;
    if (head === undefined) throw new TlogError("the log shows no head");
    const trust = keptTrust();
    const index = /^(?:index=)?(0|[1-9][0-9]{0,15})$/.exec(wanted)?.[1];
    if (index !== undefined) {
      place.append((await showEntry(BASE, head, trust, Number(index))).article);
      return;
    }
    const { kind, text } = soughtBy(wanted);
    const hits = await showHits(place, BASE, head, trust, { kind, text });
    if (kind === "digest" && hits) lastHits = { ...hits, text };
  });
}

/** Return a part of an address without its escapes; as it is, if they are broken. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Return what the address of a search looks for. @param {string} wanted */
function soughtBy(wanted) {
  if (DIGEST.test(wanted)) return { kind: "digest", text: wanted };
  const [kind, ...rest] = wanted.split(":");
  if (!KINDS.includes(kind) || rest.length === 0) {
    throw new FormatError("this address names no entry and no search");
  }
  return { kind, text: rest.join(":") };
}

/**
 * Show an answer once it is whole; what cannot be answered is told in its place.
 * @param {(place: Element) => Promise<void>} fill
 */
async function answer(fill) {
  const mine = (asked += 1);
  const [section, place] = [find("answer"), make("div")];
  find("answer-body").replaceChildren(make("p", {}, "Checking…"));
  section.hidden = false;
  section.setAttribute("aria-busy", "true");
  try {
    await fill(place);
  } catch (error) {
    // Whatever went wrong, nobody must take what is shown so far for the answer.
    const why = error instanceof TlogError ? error.message : `this page failed: ${error}`;
    place.append(make("p", { class: "verdict fail" }, `No answer: ${why}.`));
  }
  if (mine !== asked) return;
  find("answer-body").replaceChildren(place);
  section.removeAttribute("aria-busy");
  find("answer-title").focus();
}

/** Return the address of what was typed. @param {string} typed @param {string} kind */
function addressOf(typed, kind) {
  const text = typed.trim();
  if (kind !== "" && kind !== "digest") return `${kind}:${text}`;
  const algorithm = { 64: "sha256", 96: "sha384", 128: "sha512" }[text.length];
  if (/^[0-9a-f]+$/.test(text) && algorithm) return `${algorithm}:${text}`;
  if (kind === "digest" || DIGEST.test(text) || /^[0-9]+$/.test(text)) return text;
  return text.startsWith("pkg:") ? `component:${text}` : `identity:${text}`;
}

/** Prove files that were dropped. @param {File[]} files */
async function takeFiles(files) {
  await answer(async (place) => {
    const { hashed, kindOf, showBundle, showEvidence, showProof } = await import("./files.js");
    const trust = keptTrust();
    const kinds = await Promise.all(files.map(kindOf));
    const progress = findAs("hashed", HTMLProgressElement);
    const artifacts = [];
    for (const [at, file] of files.entries()) {
      if (kinds[at] !== "artifact") continue;
      find("hashing").hidden = false;
      artifacts.push(await hashed(file, (done, all) => (progress.value = all ? done / all : 1)));
    }
    find("hashing").hidden = true;
    const artifact = artifacts.length === 1 ? artifacts[0] : undefined;
    for (const [at, file] of files.entries()) {
      if (kinds[at] === "proof") place.append((await showProof(file, artifact, trust)).article);
      if (kinds[at] === "bundle") place.append((await showBundle(file, artifact, trust)).article);
      if (kinds[at] === "evidence") place.append((await showEvidence(file, trust)).article);
    }
    if (kinds.some((kind) => kind !== "artifact")) return;
    await looking;
    if (head === undefined) throw new TlogError("the log shows no head");
    for (const { file, digests } of artifacts) {
      const text = `sha256:${digests.sha256}`;
      place.append(make("h3", {}, `File ${file.name}`));
      const hits = await showHits(place, BASE, head, trust, { kind: "digest", text });
      lastHits = hits && { ...hits, text };
    }
  });
}

/** Recompute the tree of the head that is shown. */
async function audit() {
  const button = findAs("audit", HTMLButtonElement);
  const [progress, count] = [findAs("audited", HTMLProgressElement), find("audited-count")];
  const checks = new Checks(find("audit-checks"));
  checks.list.replaceChildren();
  await looking;
  if (head === undefined) return;
  const { size, root } = head.checkpoint;
  const hits = lastHits;
  button.disabled = true;
  find("auditing").hidden = false;
  let reached = 0;
  try {
    const found = await work(
      { audit: { base: BASE, size, root, sought: hits?.text } },
      (done, all) => {
        reached = done;
        progress.value = all ? done / all : 1;
        count.textContent = `${done} of ${all} entries`;
      },
    );
    checks.add(
      "pass",
      "all entries and hash tiles are those of the head",
      `${size} entries were read, and their tree has the head's root`,
    );
    if (hits) tellWithheld(checks, hits, found.hits);
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    checks.add(
      "fail",
      "all entries and hash tiles are those of the head",
      `after ${reached} of ${size} entries: ${error.message}`,
    );
  } finally {
    button.disabled = false;
    find("auditing").hidden = true;
  }
}

/** @param {Checks} checks @param {Hits & {text: string}} hits @param {number[]} found */
function tellWithheld(checks, { text, indexes, completeTo, isWhole }, found) {
  // Of a search that has more pages, and of entries that were not searched, nobody knows.
  const reach = isWhole ? completeTo : Math.max(-1, ...indexes) + 1;
  const withheld = found.filter((it) => it < reach && !indexes.includes(it));
  const title = `the search for ${text} left no entry out`;
  const told = `of ${found.length} entries that name it, all below ${reach} were found`;
  if (withheld.length === 0) checks.add("pass", title, told);
  else
    checks.add(
      "fail",
      title,
      `the server withheld ${withheld.length}: ${withheld.slice(0, 20).join(", ")}`,
    );
}

/** Fill the form of whom is trusted with what was kept. */
function showTrust() {
  const { text, pem } = keptTrust();
  findAs("policy", HTMLTextAreaElement).value = text;
  findAs("keys", HTMLTextAreaElement).value = pem;
}

/** The policy of the log's own that the form was filled with. */
let offered = "";

/** Keep whom the form names, and check all anew. */
async function trustForm() {
  const [text, pem] = ["policy", "keys"].map((id) => findAs(id, HTMLTextAreaElement).value);
  const kept = keptTrust();
  // The same text trusted again is still the log's own.
  const isLogsOwn = text === offered || (text === kept.text && kept.isLogsOwn);
  try {
    keepTrust(text, pem, text !== "" && isLogsOwn);
    find("trust-told").textContent = "Kept. Everything is checked anew.";
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    find("trust-told").textContent = `Not kept: ${error.message}`;
    return;
  }
  await lookAgain();
  await route();
}

function wire() {
  find("insecure").hidden = isSecureContext;
  find("seek").addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = findAs("sought", HTMLInputElement).value;
    const address = `#${encodeURIComponent(addressOf(typed, findAs("kind", HTMLSelectElement).value)).replaceAll("%3A", ":")}`;
    if (location.hash === address) void route();
    else location.hash = address;
  });
  find("trust").addEventListener("submit", (event) => {
    event.preventDefault();
    void trustForm();
  });
  find("forget").addEventListener("click", () => {
    forgetAll();
    showTrust();
    find("trust-told").textContent = "Policy, keys and heads are forgotten.";
    void lookAgain().then(route);
  });
  find("own-policy").addEventListener("click", async () => {
    offered = await ownPolicy(BASE);
    findAs("policy", HTMLTextAreaElement).value = offered;
    find("trust-told").textContent = offered
      ? "This is what the log says of itself. By it, a log that lies is consistent with its own lie: compare the keys with what others know, then trust it."
      : "This server names no policy.";
  });
  find("look-again").addEventListener("click", () => {
    askForTiles("reload");
    void lookAgain();
  });
  find("audit").addEventListener("click", () => void audit());
  const files = findAs("files", HTMLInputElement);
  files.addEventListener("change", () => void takeFiles([...(files.files ?? [])]));
  const drop = find("drop");
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      const dropped =
        event instanceof DragEvent && name === "drop" ? event.dataTransfer?.files : undefined;
      if (dropped?.length) void takeFiles([...dropped]);
    });
  }
  window.addEventListener("hashchange", () => void route());
}

wire();
showTrust();
void lookAgain().then(route);
let isWaiting = false;
listen(BASE, find("listening"), () => {
  if (isWaiting) return;
  isWaiting = true;
  // Several entries that come together are one look.
  setTimeout(() => {
    isWaiting = false;
    void lookAgain();
  }, 500);
});
