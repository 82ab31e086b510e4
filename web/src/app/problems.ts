/** What went wrong, as a sentence in the reader's language. */
import type { Problem } from "../client/api";
import type { Want } from "./sign-in";
import { t } from "./texts";
import { until } from "./times";

/** A part of the page, loaded when it is wanted, could not be. */
export class PartMissing extends Error {}

/** Whether something thrown is the server's or the client's answer, and not a fault. */
export function isProblem(thrown: unknown): thrown is Problem {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && "retryable" in thrown;
}

/** What is missing, and how to get it, which is easier where the page `leads` to it. */
export function signInTexts(
  want: Want,
  leads: boolean,
): { readonly what: string; readonly how: string } {
  const back = leads ? t().signInBack : null;
  switch (want) {
    case "needed":
      return { what: t().signInNeeded, how: back ?? t().signInNeededHow };
    case "wrong":
      return { what: t().signInWrong, how: back ?? t().signInWrongHow };
    case "over":
      return { what: t().signInOver, how: leads ? t().signInOverBack : t().signInOverHow };
  }
}

/** A sentence or two; the server's own are English and for developers. */
export function explain(thrown: unknown): string {
  if (thrown instanceof PartMissing) {
    return t().newVersion;
  }
  if (!isProblem(thrown)) {
    console.error(thrown);
    return t().failed;
  }
  // A code that a newer server may have is none of ours
  const reason = (t().reason(thrown.code) as string | undefined) ?? t().failed;
  if (thrown.retryAfter === undefined) {
    return reason;
  }
  const now = Date.now();
  return `${reason} ${t().later(until(now + thrown.retryAfter * 1000, now))}`;
}
