/** Pieces of a conversation that are kept, put together. Pure. */

import type { KeptMessage } from "./api";

/** How much of a page there is. */
export interface Run {
  /** Whether that is all of the page that can be had. */
  readonly complete: boolean;
  /** How many messages without a gap there are at the end of it. */
  readonly length: number;
  /** The number before which something is missing. */
  readonly missing: number;
}

/**
 * What there is of the `limit` messages before number `end`; before `first` there is nothing to be
 * had but what is here. `messages` are in order.
 */
export function contiguous(
  messages: readonly KeptMessage[],
  end: number,
  first: number,
  limit: number,
): Run {
  let next = end - 1;
  let length = 0;
  for (let index = messages.length - 1; index >= 0 && length < limit; index -= 1) {
    const seq = messages[index]?.seq ?? 0;
    if (seq < next && next >= first) {
      return { complete: false, length, missing: next + 1 };
    }
    next = seq - 1;
    length += 1;
  }
  return { complete: length >= limit || next < first, length, missing: next + 1 };
}

/** Both in order, each number once. */
export function joined(
  some: readonly KeptMessage[],
  others: readonly KeptMessage[],
): KeptMessage[] {
  const all = new Map<number, KeptMessage>();
  for (const message of [...some, ...others]) {
    all.set(message.seq ?? 0, message);
  }
  return [...all.values()].sort((one, other) => (one.seq ?? 0) - (other.seq ?? 0));
}
