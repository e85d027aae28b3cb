// Work that runs beside the page, with progress.

import { TlogError } from "./verify/errors.js";

/**
 * Let a worker do something; a TlogError says why it could not.
 * @param {{file: File} | {audit: import("./audit.js").AuditTask}} task
 * @param {(done: number, all: number) => void} tell
 * @param {AbortSignal} [signal] ends it
 * @returns {Promise<any>}
 */
export function work(task, tell, signal) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => {
      if ("value" in data) resolve(data.value);
      else if ("error" in data) reject(new TlogError(data.error));
      else tell(data.done, data.all);
    });
    worker.addEventListener("error", () => reject(new TlogError("the browser ended the work")));
    signal?.addEventListener("abort", () => reject(new TlogError("it was stopped")));
    worker.postMessage(task);
  }).finally(() => worker.terminate());
}
