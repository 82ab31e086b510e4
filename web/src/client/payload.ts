/**
 * What is sent has to be what the server takes: more than it takes would not only be refused, it
 * would end the session.
 */

import { invalid, tooLarge } from "./errors";

/** What a packet has beside a message's content, in bytes: names of keys, IDs, a peer's ID. */
const ENVELOPE_BYTES = 2_048;

/** Attachments of a packet, and how deep content may nest in one. */
const MOST_ATTACHMENTS = 10;
const DEEPEST = 29;

/** How much larger binary is as base64, in which long-polling carries it. */
const BASE64 = 4 / 3;

/** How much there is of a value on the wire. */
export interface Size {
  /** Of its JSON. */
  readonly text: number;
  /** Of all its binary together, and of the largest piece. */
  readonly binary: number;
  readonly largest: number;
  readonly attachments: number;
}

/** Largest message, in bytes, for a server that takes packets of this size. */
export function largestMessage(maxPayload: number): number {
  return Math.max(maxPayload - ENVELOPE_BYTES, 0);
}

/** Whether a server takes this much, by WebSocket at least. */
export function fits(size: Size, maxBytes: number): boolean {
  return size.text <= maxBytes && size.binary <= maxBytes;
}

/** Whether it does so by long-polling, too. */
export function fitsPolling(size: Size, maxBytes: number): boolean {
  return fits(size, maxBytes) && size.largest * BASE64 <= maxBytes;
}

/**
 * A value as it arrives at the other side: plain JSON with `ArrayBuffer`s in it, strings well
 * formed, numbers finite. Throws a `DuologueError` for what cannot be sent.
 */
export async function prepare(content: unknown): Promise<{ content: unknown; size: Size }> {
  const plain = await plainly(content, 0, false);
  if (plain === undefined) {
    throw invalid("There is nothing to send");
  }
  const size = measure(plain);
  if (size.attachments > MOST_ATTACHMENTS) {
    throw tooLarge(`A message has at most ${MOST_ATTACHMENTS} attachments`);
  }
  return { content: plain, size };
}

/** Text without halves of surrogate pairs, which no UTF-8 has. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

async function plainly(value: unknown, depth: number, inArray: boolean): Promise<unknown> {
  switch (typeof value) {
    case "string":
      return wellFormed(value);
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "bigint":
      throw invalid("A bigint cannot be sent");
    case "object":
      return value === null ? null : plainObject(value, depth);
    default:
      return inArray ? null : undefined; // as JSON.stringify does
  }
}

async function plainObject(value: object, depth: number): Promise<unknown> {
  if (value instanceof ArrayBuffer) {
    return value;
  }
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    const copy = new Uint8Array(byteLength);
    copy.set(new Uint8Array(buffer, byteOffset, byteLength));
    return copy.buffer;
  }
  if (typeof Blob !== "undefined" && value instanceof Blob) {
    return value.arrayBuffer();
  }
  if (depth >= DEEPEST) {
    throw invalid("A message nests too deep");
  }
  const toJson = (value as { toJSON?: unknown }).toJSON;
  if (typeof toJson === "function") {
    return plainly(toJson.call(value, ""), depth + 1, false);
  }
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) {
      items.push(await plainly(item, depth + 1, true));
    }
    return items;
  }
  const entries: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (key === "_placeholder") {
      throw invalid("The key '_placeholder' is Socket.IO's own");
    }
    const plain = await plainly(inner, depth + 1, false);
    if (plain !== undefined) {
      entries.push([wellFormed(key), plain]);
    }
  }
  return Object.fromEntries(entries);
}

/** How much there is of a value that `prepare` has made, or that has arrived. */
export function measure(plain: unknown): Size {
  let binary = 0;
  let largest = 0;
  let attachments = 0;
  const json = JSON.stringify(plain, (_, value: unknown) => {
    if (!(value instanceof ArrayBuffer)) {
      return value;
    }
    binary += value.byteLength;
    largest = Math.max(largest, value.byteLength);
    attachments += 1;
    return { _placeholder: true, num: attachments };
  });
  return { text: new TextEncoder().encode(json).length, binary, largest, attachments };
}
