/** Copy a text, and say whether that worked. */
import type { Model } from "./model";
import { t } from "./texts";

export async function copy(model: Model, text: string, said: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    model.tell(said);
    return true;
  } catch {
    // Not allowed, or not a secure page
    model.tell(t().copyFailed);
    return false;
  }
}
