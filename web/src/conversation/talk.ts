/** What happens in one conversation, between the client and what shows it. Knows nothing of a page. */
import type { Client, Link, Message } from "../client/api";
import type { FileContent } from "../client/content";
import { Timeline } from "./timeline";

/** What is asked for first, and what at once as somebody scrolls up: as much as the server gives. */
const PAGE = 50;
const LARGEST_PAGE = 100;
/** How often a peer is told again that one still types, and how long after the last key. */
const TYPING_AGAIN_MS = 3000;
const TYPING_PAUSE_MS = 6000;

/** What a conversation tells the one who shows it. */
export interface Watcher {
  /** Something is to be shown anew; `often` says that it may be so many times a second. */
  changed(often?: boolean): void;
  /** The peer has written just now. */
  news(message: Message): void;
  /** Whether the reader sees the newest messages at this moment. */
  watching(): boolean;
}

export class Talk {
  readonly timeline = new Timeline();
  #leave: (() => void)[] = [];
  /** Counts what was begun anew: what belongs to an earlier one is late. */
  #turn = 0;
  #loading = false;
  /** Which link it is that is shown; one that has ended is shown until there is another. */
  #made: number | undefined;
  #read = 0;
  #lastTheirs = 0;
  #typingSaid = 0;
  #typingPause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly client: Client,
    readonly peer: string,
    private readonly watcher: Watcher,
  ) {}

  get link(): Link | undefined {
    return this.client.links.get(this.peer);
  }

  /** Whether something can be written. */
  get live(): boolean {
    return this.link !== undefined && !this.link.ended;
  }

  start(): void {
    const { client } = this;
    this.#leave = [
      client.on("message", ({ message, added }) => this.#message(message, added)),
      client.on("links", ({ peer }) => {
        if (peer === null || peer === this.peer) {
          this.#linkChanged();
        }
      }),
      client.on("status", ({ state }) => {
        if (state === "online" && this.timeline.top === "failed") {
          void this.older();
        }
        this.watcher.changed();
      }),
    ];
    this.#begin();
  }

  stop(): void {
    this.typing(false);
    this.#turn += 1;
    for (const leave of this.#leave) {
      leave();
    }
    this.#leave = [];
  }

  /** Load what was said before; resolves when it is there, or cannot be had. */
  async older(): Promise<void> {
    const before = this.timeline.first;
    await this.#load(LARGEST_PAGE, before === null ? {} : { before });
  }

  /** The reader has seen the messages up to this number. */
  seen(seq: number): void {
    const known = Math.max(this.#read, this.link?.readByMe ?? 0);
    if (this.live && seq > known) {
      this.#read = seq;
      this.client.read(this.peer, seq);
    }
  }

  /**
   * Several files are several messages; the text goes with the first. `taken` is called for each
   * that the client has taken: after a failure only the others are to be sent again.
   */
  async send(text: string, files: readonly FileContent[], taken = () => {}): Promise<void> {
    this.typing(false);
    this.timeline.newFrom = null;
    if (files.length === 0) {
      await this.client.send(this.peer, text);
      taken();
    }
    for (const [index, file] of files.entries()) {
      await this.client.send(this.peer, index === 0 && text !== "" ? { ...file, text } : file);
      taken();
    }
    this.#refresh();
  }

  async retry(message: Message): Promise<void> {
    await this.client.retry(message.id);
    this.#refresh();
  }

  async discard(message: Message): Promise<void> {
    await this.client.discard(message.id);
    this.#refresh();
  }

  /** The writer has pressed a key, or is done. */
  typing(active: boolean): void {
    clearTimeout(this.#typingPause);
    const now = Date.now();
    if (active && this.live) {
      this.#typingPause = setTimeout(() => this.typing(false), TYPING_PAUSE_MS);
      if (now - this.#typingSaid >= TYPING_AGAIN_MS) {
        this.#typingSaid = now;
        this.client.typing(this.peer, true);
      }
    } else if (this.#typingSaid > 0) {
      this.#typingSaid = 0;
      if (this.live) {
        this.client.typing(this.peer, false);
      }
    }
  }

  #begin(): void {
    const { link, timeline } = this;
    this.#turn += 1;
    this.#loading = false;
    this.#made = link?.made;
    this.#lastTheirs = 0;
    timeline.newFrom = link && link.unread > 0 ? link.readByMe + 1 : null;
    timeline.historyFrom = link?.historyFrom ?? null;
    void this.#load(Math.min(LARGEST_PAGE, Math.max(PAGE, (link?.unread ?? 0) + 20)), {});
    this.#refresh();
  }

  async #load(limit: number, where: { before?: number }): Promise<void> {
    if (this.#loading) {
      return;
    }
    const { timeline } = this;
    const turn = this.#turn;
    this.#loading = true;
    if (timeline.top === "failed") {
      timeline.top = "loading";
      this.watcher.changed();
    }
    try {
      const { messages, more } = await this.client.history(this.peer, { limit, ...where });
      if (turn !== this.#turn) {
        return;
      }
      timeline.put(messages);
      this.#lastTheirs = Math.max(
        this.#lastTheirs,
        ...messages.map((message) => (message.mine ? 0 : (message.seq ?? 0))),
      );
      timeline.top = more && messages.length > 0 ? "more" : this.#end();
    } catch (problem) {
      if (turn !== this.#turn) {
        return;
      }
      const later = (problem as { retryable?: boolean }).retryable !== false;
      timeline.top = later ? "failed" : this.#end();
    }
    this.#loading = false;
    this.watcher.changed();
  }

  #end(): "start" | "lost" {
    const first = this.timeline.first ?? (this.link?.seq ?? 0) + 1;
    return first > 1 ? "lost" : "start";
  }

  #message(message: Message, added: boolean): void {
    if (message.peer !== this.peer) {
      return;
    }
    const { timeline } = this;
    const { seq } = message;
    const { first, top } = timeline;
    // One from before what is loaded would leave a hole; it comes with its page.
    const whole = top === "start" || top === "lost";
    if (seq !== null && (first === null || seq >= first || whole)) {
      timeline.put([message]);
    }
    // Told again if another tab had it first.
    if (added && !message.mine && seq !== null && seq > this.#lastTheirs) {
      const allRead = Math.max(this.#read, this.link?.readByMe ?? 0) >= this.#lastTheirs;
      if (!this.watcher.watching() && (timeline.newFrom === null || allRead)) {
        timeline.newFrom = seq;
      }
      this.#lastTheirs = seq;
      this.watcher.news(message);
    }
    this.#refresh(true);
  }

  #linkChanged(): void {
    if (this.live && this.link?.made !== this.#made) {
      // Made anew: what was said before is not shown.
      this.#read = 0;
      this.timeline.clear();
      this.#begin();
      return;
    }
    this.timeline.historyFrom = this.link?.historyFrom ?? null;
    this.#refresh();
  }

  #refresh(often = false): void {
    this.timeline.unsent = this.client.unsent(this.peer);
    this.watcher.changed(often);
  }
}
