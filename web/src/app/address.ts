/** Addresses of people and of views: what may be pasted, scanned, or stand in the address bar. */

/** What somebody has put in to reach somebody else. */
export type Address =
  | { readonly kind: "empty" }
  | { readonly kind: "peer"; readonly id: string }
  | { readonly kind: "invitation"; readonly code: string }
  /** A link that leads to another server. */
  | { readonly kind: "elsewhere"; readonly host: string }
  | { readonly kind: "unclear" };

const LONGEST_ID = 128;

// Three made-up words, as the server makes them; case, spaces and hyphens do not matter
const WORD = "[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]";
const CODE = new RegExp(`^(?:${WORD}[\\s-]*){3}$`, "i");

/** Make sense of an ID, a link of this server, or an invitation's code. */
export function readAddress(text: string, page: string): Address {
  const trimmed = text.trim();
  if (trimmed === "") {
    return { kind: "empty" };
  }
  if (/^https?:\/\//i.test(trimmed)) {
    return readLink(trimmed, page);
  }
  if (CODE.test(trimmed)) {
    return { kind: "invitation", code: trimmed };
  }
  return peer(trimmed);
}

function readLink(text: string, page: string): Address {
  if (!URL.canParse(text)) {
    return { kind: "unclear" };
  }
  const link = new URL(text);
  if (link.origin !== new URL(page).origin) {
    return { kind: "elsewhere", host: link.host };
  }
  return readQuery(link.search);
}

/** What a link of this server asks for, by its query. */
export function readQuery(query: string): Address {
  const values = new URLSearchParams(query);
  const code = values.get("invite")?.trim();
  if (code) {
    return { kind: "invitation", code };
  }
  const id = values.get("to")?.trim();
  return id ? peer(id) : { kind: "unclear" };
}

function peer(id: string): Address {
  return [...id].length <= LONGEST_ID ? { kind: "peer", id } : { kind: "unclear" };
}

/** The link by which others reach this ID: the page's own address, and whom to ask. */
export function linkTo(id: string, page: string): string {
  return new URL(`?to=${encodeURIComponent(id)}`, folder(page)).href;
}

/** An invitation's link: a server that does not know its own address leaves that to the page. */
export function invitationLink(url: string, page: string): string {
  return url.startsWith("/") ? new URL(url.slice(1), folder(page)).href : url;
}

/**
 * Where the server says that people sign in, with the way back to this page as `next`; null if it
 * does not say.
 */
export function signInLink(given: string | undefined, page: string): string | null {
  if (!given || !URL.canParse(given, page)) {
    return null;
  }
  const link = new URL(given, page);
  if (link.protocol !== "https:" && link.protocol !== "http:") {
    return null;
  }
  // To those who are sent on to it, a path that begins with two slashes would be another site
  link.searchParams.set("next", new URL(page).pathname.replace(/^\/+/, "/"));
  return link.href;
}

/** The page's address without query and fragment: what is at the server lies beside it. */
export function folder(page: string): string {
  return new URL("./", page).href;
}

/** The fragment of a conversation's view. */
export function viewOf(peer: string | null): string {
  return peer === null ? "#/" : `#/c/${encodeURIComponent(peer)}`;
}

/** Whose conversation a fragment means, if any. */
export function peerIn(fragment: string): string | null {
  const encoded = /^#\/c\/(.+)$/.exec(fragment)?.[1];
  if (encoded === undefined) {
    return null;
  }
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}
