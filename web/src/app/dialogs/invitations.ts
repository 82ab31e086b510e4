/** What is wrong with an invitation. */
import { isProblem } from "../problems";
import { t } from "./texts";

/** No code is longer, for the server. */
const LONGEST_CODE = 64;

/** Why a code was not taken, if that is because of what it is. */
export function whyNot(code: string, thrown: unknown): string | null {
  const refusal = isProblem(thrown) ? thrown.code : null;
  if (refusal === "invalid" && code.length <= LONGEST_CODE) {
    return t().invitationOwn;
  }
  return refusal === "expired" || refusal === "invalid" ? t().invitationOver : null;
}
