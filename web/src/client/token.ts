import type { Token } from "./api";

/**
 * Whose a token is, by what it says itself: good for keeping apart what is kept of several, and for
 * nothing else, since only the server can tell whether it is true. Null where it does not say.
 */
export function subjectOf(token: Token | null | undefined): string | null {
  if (typeof token !== "string") {
    return null;
  }
  const claims = token.split(".")[1] ?? "";
  try {
    const bytes = atob(claims.replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (each) => each.charCodeAt(0)));
    const { sub } = JSON.parse(text) as { sub?: unknown };
    return typeof sub === "string" ? sub : null;
  } catch {
    return null;
  }
}
