/** Finds the links in a text that are safe to follow. */

export interface FoundLink {
  /** As it stands in the text. */
  readonly text: string;
  /** Where it leads, with the host in ASCII. */
  readonly href: string;
}

export type Piece = string | FoundLink;

const PROTOCOLS: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);

/* Ends at white space, quotes and angle brackets, and at characters that are not seen or that turn
 * the direction of what follows: a link must not look like another one. */
const CANDIDATE =
  /(?<![\p{L}\p{N}])(?:https?:\/\/|mailto:)[^\s<>"“”„«»`\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/giu;

const CLOSING: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/** A text as plain pieces and links; together they are the text. */
export function findLinks(text: string): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const found = trimmed(match[0]);
    const href = safeHref(found);
    if (href === null) {
      continue;
    }
    if (match.index > done) {
      pieces.push(text.slice(done, match.index));
    }
    pieces.push({ text: found, href });
    done = match.index + found.length;
  }
  if (done < text.length) {
    pieces.push(text.slice(done));
  }
  return pieces;
}

/** Where a link may lead, or null if it is of a kind that is not followed. */
export function safeHref(link: string): string | null {
  let url: URL;
  try {
    url = new URL(link);
  } catch {
    return null;
  }
  if (!PROTOCOLS.has(url.protocol)) {
    return null;
  }
  if (url.protocol === "mailto:") {
    return url.pathname.includes("@") ? url.href : null;
  }
  // `https://bank.example@evil.example/` reads as if it led to the bank.
  return url.hostname !== "" && url.username === "" && url.password === "" ? url.href : null;
}

/** Without what ends the sentence rather than the link; brackets that were opened in it stay. */
function trimmed(candidate: string): string {
  const open = new Map<string, number>();
  for (const character of candidate) {
    open.set(character, (open.get(character) ?? 0) + 1);
  }
  let end = candidate.length;
  for (; end > 0; end -= 1) {
    const last = candidate.charAt(end - 1);
    const opening = CLOSING[last];
    const surplus = opening !== undefined && (open.get(last) ?? 0) > (open.get(opening) ?? 0);
    if (!surplus && !".,;:!?'’*_~…".includes(last)) {
      break;
    }
    open.set(last, (open.get(last) ?? 0) - 1);
  }
  return candidate.slice(0, end);
}
