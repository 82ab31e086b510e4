/** A whole conversation as a file for keeping. */
import type { Client, Message } from "../client/api";
import { understand } from "../client/content";
import { safeName } from "./files";
import { wholeTime } from "./format";
import { t } from "./texts";

const PAGE = 100;

/** Whatever some reader shows as one: what begins a line must not look like another's message. */
const LINE_BREAK = /\r\n?|[\n\v\f\u0085\u2028\u2029]/g;

export type ExportFormat = "json" | "text";

/**
 * All of a conversation that is kept, from the oldest message to the newest: as JSON with files in
 * base64, or as text to read. Rejects if earlier messages cannot be fetched at the moment.
 */
export async function exportConversation(
  client: Client,
  peer: string,
  title: string,
  format: ExportFormat = "json",
): Promise<Blob> {
  const messages = [...(await everything(client, peer)), ...client.unsent(peer)];
  return format === "json" ? asJson(client, peer, title, messages) : asText(title, messages);
}

/** A name for the file. */
export function exportName(title: string, format: ExportFormat): string {
  const day = new Date().toISOString().slice(0, 10);
  return safeName(`${title} ${day}.${format === "json" ? "json" : "txt"}`);
}

async function everything(client: Client, peer: string): Promise<Message[]> {
  const pages: (readonly Message[])[] = [];
  let before: number | null = null;
  for (let more = true; more; ) {
    const page = await client.history(peer, {
      limit: PAGE,
      ...(before === null ? {} : { before }),
    });
    const first = page.messages[0]?.seq ?? null;
    pages.push(page.messages);
    more = page.more && first !== null;
    before = first;
  }
  return pages.reverse().flat();
}

/** In parts, for the whole may be longer than a string can be. */
function asJson(client: Client, peer: string, title: string, messages: readonly Message[]): Blob {
  const head = {
    format: "duologue-conversation",
    version: 1,
    exportedAt: new Date().toISOString(),
    me: { id: client.id, name: client.name },
    peer: { id: peer, name: title },
  };
  const parts = [JSON.stringify(head, null, 2).replace(/\n\}$/, ',\n  "messages": [')];
  messages.forEach((message, index) => {
    const { id, seq, at, mine, state, content } = message;
    const one = { id, seq, at: new Date(at).toISOString(), mine, state, content: plain(content) };
    parts.push(`${index === 0 ? "" : ","}\n    ${JSON.stringify(one)}`);
  });
  parts.push("\n  ]\n}\n");
  return new Blob(parts, { type: "application/json" });
}

function asText(title: string, messages: readonly Message[]): Blob {
  const lines = messages.map(({ at, mine, content }) => {
    const what = understand(content);
    const text =
      what.kind === "text"
        ? what.text
        : what.kind === "file"
          ? `[${t().file}: ${safeName(what.name)}]${what.text ? ` ${what.text}` : ""}`
          : what.json;
    return `${wholeTime(at)}  ${mine ? t().you : title}: ${text.replace(LINE_BREAK, "\n    ")}\n`;
  });
  return new Blob(lines, { type: "text/plain;charset=utf-8" });
}

/** The same value with what JSON can say: binary as `{"base64": …}`. */
function plain(value: unknown): unknown {
  if (value instanceof ArrayBuffer) {
    return { base64: base64(new Uint8Array(value)) };
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let from = 0; from < bytes.length; from += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(from, from + 0x8000));
  }
  return btoa(binary);
}
