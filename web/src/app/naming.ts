/** What to call somebody, and how to draw them. Names and IDs are written by strangers. */

// Control characters, and those that are not seen or turn the direction of the text around them
const UNSEEN =
  /[\p{Cc}\p{Co}\p{Cs}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** A name as it may be shown, or null if nothing of it is left. */
export function cleanName(name: string | null | undefined): string | null {
  const clean = (name ?? "").replace(UNSEEN, " ").replace(/\s+/g, " ").trim();
  return clean === "" ? null : clean;
}

/** Enough of an ID to tell it from others: `3f2a9c1e…` of a UUID, others as they are. */
export function shortId(id: string): string {
  if (UUID.test(id)) {
    return `${id.slice(0, 8)}…`;
  }
  return cleanName([...id].length > 24 ? `${[...id].slice(0, 24).join("")}…` : id) ?? "?";
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
  const first = words[0];
  if (first === undefined) {
    return "?";
  }
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return `${letter(first)}${last === undefined ? "" : letter(last)}`;
}

function letter(word: string): string {
  return String.fromCodePoint(word.codePointAt(0) ?? 63).toLocaleUpperCase();
}

/** How many colours there are for people. */
export const HUES = 12;

/** The colour of an ID: always the same one. */
export function hue(id: string): number {
  let sum = 0;
  for (let at = 0; at < id.length; at++) {
    sum = (sum * 31 + id.charCodeAt(at)) >>> 0;
  }
  return sum % HUES;
}
