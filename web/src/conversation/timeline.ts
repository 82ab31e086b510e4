/** One conversation's messages in order, and the rows that show them. Knows nothing of a page. */
import type { Link, Message, MessageState } from "../client/api";

/** What stands above the first message. */
export type Top =
  /** Nothing is known yet. */
  | "blank"
  /** There are earlier messages. */
  | "more"
  | "loading"
  /** They could not be loaded. */
  | "failed"
  /** There is nothing before. */
  | "start"
  /** There was something, which is not kept any more. */
  | "lost";

export interface MessageRow {
  readonly kind: "message";
  readonly key: string;
  readonly message: Message;
  /** First, and last, of those that one side wrote in a row. */
  readonly starts: boolean;
  readonly ends: boolean;
}

export type Row =
  | { readonly kind: "top"; readonly key: "top"; readonly top: Top; readonly empty: boolean }
  | { readonly kind: "day"; readonly key: string; readonly at: number }
  | { readonly kind: "gap"; readonly key: "gap" }
  | { readonly kind: "new"; readonly key: "new" }
  | MessageRow;

/** The longest pause within a group. */
const GROUP_MS = 5 * 60_000;

export class Timeline {
  #top: Top = "blank";
  #numbered: Message[] = [];
  #unsent: readonly Message[] = [];
  #historyFrom: number | null = null;
  #newFrom: number | null = null;
  #rows: readonly Row[] | null = null;

  get top(): Top {
    return this.#top;
  }
  set top(top: Top) {
    this.#rows = this.#top === top ? this.#rows : null;
    this.#top = top;
  }

  /** Messages before this number were missed here, and are no longer kept. */
  set historyFrom(seq: number | null) {
    this.#rows = this.#historyFrom === seq ? this.#rows : null;
    this.#historyFrom = seq;
  }

  /** The peer's messages from this number on were new when the reader came. */
  get newFrom(): number | null {
    return this.#newFrom;
  }
  set newFrom(seq: number | null) {
    this.#rows = this.#newFrom === seq ? this.#rows : null;
    this.#newFrom = seq;
  }

  /** What the server has not got yet, in the order in which it was written. */
  set unsent(messages: readonly Message[]) {
    const same =
      messages.length === this.#unsent.length &&
      messages.every((message, index) => message === this.#unsent[index]);
    this.#rows = same ? this.#rows : null;
    this.#unsent = [...messages];
  }

  /** Forget everything. */
  clear(): void {
    this.#rows = null;
    this.#top = "blank";
    this.#numbered = [];
    this.#unsent = [];
    this.#historyFrom = null;
    this.#newFrom = null;
  }

  /** Number of the first message that is loaded; null if there is none. */
  get first(): number | null {
    return this.#numbered[0]?.seq ?? null;
  }

  /** Put in messages that have numbers, wherever they belong. */
  put(messages: readonly Message[]): void {
    this.#rows = null;
    const first = this.first;
    const last = messages.at(-1)?.seq ?? null;
    if (first !== null && last !== null && last < first) {
      this.#numbered = [...messages, ...this.#numbered];
      return;
    }
    for (const message of messages) {
      this.#putOne(message);
    }
  }

  #putOne(message: Message): void {
    if (message.seq === null) {
      return;
    }
    const list = this.#numbered;
    let low = 0;
    let high = list.length;
    // Nearly always it is the newest.
    if ((list.at(-1)?.seq ?? -1) < message.seq) {
      low = high;
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle]?.seq ?? 0) < message.seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    list.splice(low, list[low]?.seq === message.seq ? 1 : 0, message);
  }

  /** The rows, from the oldest to the newest; the same array as long as nothing changes. */
  get rows(): readonly Row[] {
    this.#rows ??= this.#build();
    return this.#rows;
  }

  #build(): Row[] {
    const empty = this.#numbered.length + this.#unsent.length === 0;
    const rows: Row[] = [{ kind: "top", key: "top", top: this.#top, empty }];
    let open: { row: MessageRow; index: number } | null = null;
    let day = Number.NEGATIVE_INFINITY;
    let before: number | null = null;
    let marked = this.#newFrom === null;

    const add = (message: Message) => {
      const today: number = dayStart(message.at);
      // A message that waits since yesterday stands below what came today: no day for it.
      const newDay = message.seq === null ? today > day : today !== day;
      const gap = this.#isGap(before, message.seq);
      const news = !marked && !message.mine && (message.seq ?? 0) >= (this.#newFrom ?? 0);
      const starts: boolean =
        !open || newDay || gap || news || !together(open.row.message, message);
      if (open && starts) {
        rows[open.index] = { ...open.row, ends: true };
      }
      if (gap) {
        rows.push({ kind: "gap", key: "gap" });
      }
      if (newDay) {
        rows.push({ kind: "day", key: `day ${today} ${message.seq ?? "unsent"}`, at: message.at });
        day = today;
      }
      if (news) {
        rows.push({ kind: "new", key: "new" });
        marked = true;
      }
      const row: MessageRow = {
        kind: "message",
        key: keyOf(message),
        message,
        starts,
        ends: false,
      };
      open = { row, index: rows.push(row) - 1 };
      before = message.seq ?? before;
    };

    this.#numbered.forEach(add);
    // Another tab may have sent it, and this one not have heard of that yet
    const sent = new Set(this.#unsent.length > 0 ? this.#numbered.map(keyOf) : []);
    this.#unsent.filter((message) => !sent.has(keyOf(message))).forEach(add);
    const last = rows.at(-1);
    if (last?.kind === "message") {
      rows[rows.length - 1] = { ...last, ends: true };
    }
    return rows;
  }

  #isGap(before: number | null, seq: number | null): boolean {
    const from = this.#historyFrom;
    return from !== null && before !== null && seq !== null && before + 1 < from && seq >= from;
  }
}

function together(one: Message, next: Message): boolean {
  return one.mine === next.mine && Math.abs(next.at - one.at) <= GROUP_MS;
}

/**
 * What tells a row from all others, for as long as it is shown. One's own message keeps its key when
 * it is given a number; a peer may write the same ID twice, but not the same number.
 */
function keyOf(message: Message): string {
  return message.mine || message.seq === null ? `mine ${message.id}` : `theirs ${message.seq}`;
}

let dayFrom = 0;
let dayUntil = 0;

/** When the local day of this moment began. Neighbours nearly always share it. */
function dayStart(at: number): number {
  if (at < dayFrom || at >= dayUntil) {
    const date = new Date(at);
    date.setHours(0, 0, 0, 0);
    dayFrom = date.getTime();
    date.setDate(date.getDate() + 1);
    dayUntil = date.getTime();
  }
  return dayFrom;
}

/** How far one's own message has got, by what is known of it and of its link. */
export function stateOf(message: Message, link: Link | undefined): MessageState {
  const { mine, seq, state } = message;
  if (!mine || seq === null || state === "failed" || state === "read" || !link) {
    return state;
  }
  if (seq <= link.read) {
    return "read";
  }
  return seq <= link.delivered ? "delivered" : state;
}
