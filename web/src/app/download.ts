/** Gives a conversation to the person as a file. */
import { type ExportFormat, exportConversation, exportName } from "../conversation/export";
import type { Model } from "./model";

const KEPT_MS = 60_000;

export async function download(model: Model, peer: string, format: ExportFormat): Promise<void> {
  const name = model.nameOf(peer);
  const file = await exportConversation(model.client, peer, name, format);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = exportName(name, format);
  link.click();
  // The browser may still be reading it
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
