/**
 * The service worker: keeps the page's shell, so that it opens without a network. It knows a list
 * of files, made when the page is built; whatever else a page asks for, it does not touch.
 */

declare const self: ServiceWorkerGlobalScope;

/** Set by build.mjs. The first of `SHELL` is the page itself, the others never change. */
declare const VERSION: string;
declare const SHELL: readonly string[];

/** A network that has not answered by then is as good as none. */
const PATIENCE_MS = 4000;

const scope = self.registration.scope;
// A site may have several, each below a path of its own
const PREFIX = `duologue-shell ${new URL(scope).pathname} `;
const CACHE = PREFIX + VERSION;
const page = scope;
const files = new Set(SHELL.map((path) => new URL(path, scope).href));

// There is no `skipWaiting`: a page that is open keeps the files that it was built with, and the
// new version takes over when the last one has been closed.
self.addEventListener("install", (event) => {
  event.waitUntil(fill());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(sweep());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") {
    return;
  }
  const url = new URL(request.url);
  if (request.mode === "navigate") {
    if (url.origin + url.pathname === page) {
      event.respondWith(open(request));
    }
  } else if (files.has(url.href) && url.href !== page) {
    event.respondWith(kept(request));
  }
});

/** A click on a notification leads to the page, and to the conversation that it is of. */
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification));
});

async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(
    // The page's address stays the same from version to version
    [...files].map((url) => new Request(url, { cache: url === page ? "reload" : "default" })),
  );
}

async function sweep(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** The page as the server has it now, or else as it was when this version was installed. */
async function open(request: Request): Promise<Response> {
  const known = await caches.match(page, { cacheName: CACHE });
  if (known === undefined) {
    return fetch(request);
  }
  try {
    const answer = await Promise.race([fetch(request), patience()]);
    // What a proxy says of a server that is being restarted
    return answer.status >= 500 ? known : answer;
  } catch {
    return known;
  }
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}

function patience(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error("The network is too slow")), PATIENCE_MS);
  });
}

async function show(notification: Notification): Promise<void> {
  const wanted = typeof notification.data === "string" ? notification.data : "";
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = windows.find((each) => each.url.split(/[?#]/)[0] === page);
  if (open === undefined) {
    await self.clients.openWindow(page + wanted);
    return;
  }
  open.postMessage({ kind: "open", route: wanted });
  await open.focus();
}

export {};
