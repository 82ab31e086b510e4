/** Registers the service worker, which makes the page installable and lets it open offline. */

interface Policy {
  createScriptURL(url: string): unknown;
}

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

/** The one script that anything here may name by its address is the worker. */
export function register(folder: string): void {
  if (!("serviceWorker" in navigator)) {
    return;
  }
  const worker = new URL("sw.js", folder).href;
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  const policy = policies?.createPolicy("duologue", {
    createScriptURL(url) {
      if (url !== worker) {
        throw new TypeError("Not a script of this page");
      }
      return url;
    },
  });
  const trusted = (policy?.createScriptURL(worker) ?? worker) as string;
  navigator.serviceWorker.register(trusted).catch((reason: unknown) => {
    // Where there is none, as on plain HTTP, the page works all the same
    console.info("No service worker:", reason);
  });
}
