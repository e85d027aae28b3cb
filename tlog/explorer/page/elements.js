// Elements of the page.  Texts become text nodes, whatever the server put into them.

/**
 * Return a new element; text and null children are allowed, attributes that are undefined
 * are left out.
 * @param {string} name @param {Record<string, string | undefined>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 */
export function make(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. @param {string} name @param {Record<string, string | undefined>} [attributes] @param {...(Node | string)} children */
export function makeSvg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** Return the element of the page with an id. @param {string} id */
export function find(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
export function findAs(id, kind) {
  const found = find(id);
  if (!(found instanceof kind)) throw new Error(`${id} is another element`);
  return found;
}

/** Return a table. @param {string[]} head @param {(Node | string)[][]} rows */
export function makeTable(head, rows) {
  return make(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": head.join(", ") },
    make(
      "table",
      {},
      make("thead", {}, make("tr", {}, ...head.map((it) => make("th", { scope: "col" }, it)))),
      make(
        "tbody",
        {},
        ...rows.map((row) => make("tr", {}, ...row.map((it) => make("td", {}, it)))),
      ),
    ),
  );
}

/** Return terms and what is said of each. @param {[string, Node | string | undefined][]} pairs */
export function makeList(pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined);
  return make(
    "dl",
    {},
    ...shown.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]),
  );
}

/** Return a button that saves bytes as a file. @param {string} words @param {string} name @param {BlobPart} content */
export function makeSaving(words, name, content) {
  const button = make("button", { type: "button" }, words);
  button.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([content]));
    const link = make("a", { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  });
  return button;
}

/**
 * @template {Element} T @param {T} element @param {Record<string, string | undefined>} attributes
 * @param {(Node | string | null | undefined)[]} children @returns {T}
 */
function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((it) => it !== null && it !== undefined));
  return element;
}
