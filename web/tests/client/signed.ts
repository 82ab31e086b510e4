/** Tokens as an issuer signs them, for servers that have the same `DUOLOGUE_AUTH_SECRET`. */

import { createHmac } from "node:crypto";

export const SECRET = "a secret of which there are enough bytes for every algorithm there is";

/** Says that this is `sub`, for so many seconds. */
export function token(sub: string, seconds = 3_600): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Date.now() / 1_000 + seconds;
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub, exp })}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}
