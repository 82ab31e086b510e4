/** Conversations and requests as lists show them. */
import type { IncomingRequest, Link, Message } from "../client/api";
import { understand } from "../client/content";
import { safeName } from "../conversation/files";

/**
 * Latest first; those that have ended after all others. One without messages counts from when it
 * was `made`, if that is known.
 */
export function inOrder(links: Iterable<Link>, made?: ReadonlyMap<string, number>): Link[] {
  const time = (link: Link) => link.last?.at ?? made?.get(link.peer) ?? 0;
  return [...links].sort(
    (one, other) =>
      Number(one.ended) - Number(other.ended) ||
      time(other) - time(one) ||
      (one.peer < other.peer ? -1 : 1),
  );
}

/** Those whose time is over soonest first. */
export function byUrgency(requests: Iterable<IncomingRequest>): IncomingRequest[] {
  return [...requests].sort(
    (one, other) => one.expiresAt - other.expiresAt || (one.from < other.from ? -1 : 1),
  );
}

/** A message in one line. */
export type Preview =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly name: string }
  | { readonly kind: "other" };

const PREVIEW_LENGTH = 120;

export function preview(message: Message): Preview {
  const content = understand(message.content);
  if (content.kind === "file") {
    return { kind: "file", name: safeName(content.name) };
  }
  if (content.kind === "other") {
    return { kind: "other" };
  }
  return { kind: "text", text: oneLine(content.text) };
}

/** The beginning of a text, without its line breaks. */
export function oneLine(text: string): string {
  return text
    .slice(0, 4 * PREVIEW_LENGTH)
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, PREVIEW_LENGTH);
}

/** How many messages have not been read, of all conversations. */
export function unreadOf(links: Iterable<Link>): number {
  let count = 0;
  for (const link of links) {
    count += link.unread;
  }
  return count;
}
