/** One conversation: what has been said, and where to say something. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { keyed } from "lit/directives/keyed.js";
import type { Client, Message } from "../client/api";
import type { FileContent } from "../client/content";
import { define } from "../shared/define";
import { controls } from "../shared/theme";
import { Announcer } from "./announcer";
import "./composer";
import type { Attached, Composer } from "./composer";
import "./list";
import type { MessageList } from "./list";
import type { Act } from "./message";
import { guessRow, rowTemplate } from "./rows";
import { Talk } from "./talk";
import { t } from "./texts";
import type { MessageRow, Row } from "./timeline";

/** What changes is shown at most this often. */
const BETWEEN_MS = 40;
/** That somebody types is said aloud at most this often. */
const TYPING_SAID_MS = 60_000;
/** What any server takes; until this one has said how much it does. */
const USUAL_LIMIT = 1_000_000;

/**
 * `<duologue-conversation>`, for one peer; for another use another element, as with Lit's `keyed`.
 *
 * Fires `draft-changed` (`detail.text`: what is written and not sent), `attached-changed`
 * (`detail.files`: what is to go with it) and `ask-again` (`detail.peer`: the reader wants the link
 * again that has ended); all bubble.
 */
export class Conversation extends LitElement {
  static override properties = {
    client: { attribute: false },
    peer: { attribute: false },
    title: { attribute: false },
    draft: { attribute: false },
    attached: { attribute: false },
    compact: { type: Boolean, reflect: true },
    dragging: { state: true },
  };

  declare client: Client | null;
  declare peer: string;
  /** What to call the peer. */
  declare title: string;
  declare draft: string;
  declare attached: readonly Attached[];
  /** Little room, as in a corner of another page. */
  declare compact: boolean;
  declare protected dragging: boolean;

  #talk: Talk | null = null;
  #placed = false;
  #stamp = 0;
  #whole = new Set<string>();
  readonly #announcer = new Announcer((texts) => this.#say(texts));
  #typingSaid = 0;
  /** How many messages have come that the reader has not seen. */
  #unseen = 0;
  #shownAt = 0;
  /** What had the focus before it was drawn anew. */
  #focused: Element | null = null;
  #showing: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.client = null;
    this.peer = "";
    this.title = "";
    this.draft = "";
    this.attached = [];
    this.compact = false;
    this.dragging = false;
    this.addEventListener("dragenter", this.#dragged);
    this.addEventListener("dragover", this.#dragged);
    this.addEventListener("dragleave", this.#dragLeft);
    this.addEventListener("drop", this.#dropped);
    this.addEventListener("picture", ((event: CustomEvent<FileContent>) => {
      event.stopPropagation();
      void this.#view(event.detail);
    }) as EventListener);
    this.addEventListener("draft-changed", ((event: CustomEvent<{ text: string }>) => {
      this.draft = event.detail.text;
    }) as EventListener);
    this.addEventListener("attached-changed", ((
      event: CustomEvent<{ files: readonly Attached[] }>,
    ) => {
      this.attached = event.detail.files;
    }) as EventListener);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("focus", this.#look);
    document.addEventListener("visibilitychange", this.#look);
    if (this.hasUpdated) {
      this.#begin();
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("focus", this.#look);
    document.removeEventListener("visibilitychange", this.#look);
    this.#announcer.stop();
    clearTimeout(this.#showing);
    this.#showing = undefined;
    this.#talk?.stop();
    this.#talk = null;
  }

  /** Where one writes, or where one reads if there is nothing to write. */
  override focus(options?: FocusOptions): void {
    (this.#composer ?? this.#list)?.focus(options);
  }

  get #list(): MessageList | null {
    return this.renderRoot?.querySelector("duologue-list") ?? null;
  }

  get #composer(): Composer | null {
    return this.renderRoot?.querySelector("duologue-composer") ?? null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("client") || changed.has("peer")) {
      if (changed.get("peer") && !changed.has("draft")) {
        this.draft = "";
      }
      if (changed.get("peer") && !changed.has("attached")) {
        this.attached = [];
      }
      this.#begin();
    }
    this.#stamp += 1;
    this.#focused = (this.renderRoot as ShadowRoot | undefined)?.activeElement ?? null;
  }

  #begin(): void {
    this.#talk?.stop();
    this.#talk = null;
    this.#placed = false;
    this.#whole = new Set();
    this.#unseen = 0;
    if (this.client && this.peer) {
      this.#talk = new Talk(this.client, this.peer, {
        changed: (often) => (often ? this.#changed() : this.requestUpdate()),
        news: (message) => this.#onNews(message),
        watching: () => isAttentive() && (this.#list?.sticks ?? true),
      });
      this.#talk.start();
    }
  }

  /** At once, or soon if that has just been: many messages may come at a time. */
  #changed(): void {
    const wait = this.#shownAt + BETWEEN_MS - performance.now();
    if (wait <= 0) {
      this.requestUpdate();
    } else {
      this.#showing ??= setTimeout(() => {
        this.#showing = undefined;
        this.requestUpdate();
      }, wait);
    }
  }

  protected override updated(): void {
    this.#shownAt = performance.now();
    if (this.#focused && !this.#focused.isConnected) {
      const next = this.#composer ?? this.#list;
      void next?.updateComplete.then(() => next.focus());
    }
    const timeline = this.#talk?.timeline;
    if (timeline && !this.#placed && timeline.top !== "blank") {
      this.#placed = true;
      if (timeline.rows.some((row) => row.kind === "new")) {
        this.#list?.showRow("new");
      }
    }
  }

  protected override render() {
    const talk = this.#talk;
    if (!talk) {
      return nothing;
    }
    return html`
      ${keyed(
        talk,
        html`<duologue-list
          .rows=${talk.timeline.rows}
          .stamp=${this.#stamp}
          .show=${this.#show}
          .guess=${guessRow}
          .label=${t().messages(this.title)}
          .unseen=${this.#unseen}
          @seen=${this.#look}
          @earlier=${this.#earlier}
        ></duologue-list>`,
      )}
      ${this.#typing()} ${this.#writing(talk)}
      <div class="announcements visually-hidden" aria-live="polite"></div>
      ${this.dragging ? html`<div class="drop">${t().dropHere}</div>` : nothing}
    `;
  }

  readonly #show = (row: Row) =>
    rowTemplate(row, {
      title: this.title,
      link: this.#talk?.link,
      online: this.client?.status.state === "online",
      whole: this.#whole,
      act: this.#act,
      older: () => void this.#talk?.older(),
    });

  #typing() {
    const typing = this.#talk?.link?.typing ?? false;
    const now = Date.now();
    const aloud = typing && now - this.#typingSaid > TYPING_SAID_MS;
    this.#typingSaid = aloud ? now : this.#typingSaid;
    return html`<div class="typing" aria-live=${now - this.#typingSaid < 1000 ? "polite" : "off"}>
      ${
        typing
          ? html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>
              <span dir="auto">${t().isTyping(this.title)}</span>`
          : nothing
      }
    </div>`;
  }

  #writing(talk: Talk) {
    if (talk.live) {
      return html`<duologue-composer
        .draft=${this.draft}
        .attached=${this.attached}
        .limit=${talk.client.maxBytes ?? USUAL_LIMIT}
        .deliver=${this.#deliver}
        @writing=${(event: CustomEvent<{ active: boolean }>) => talk.typing(event.detail.active)}
      ></duologue-composer>`;
    }
    const { client, peer } = talk;
    if (client.blocked.has(peer)) {
      return html`<p class="over">${t().blockedPeer(this.title)}</p>`;
    }
    if (client.outgoing.has(peer)) {
      return html`<p class="over" role="status">${t().pending(this.title)}</p>`;
    }
    return html`<div class="over" role="status">
      <p>${talk.link ? t().ended(this.title) : t().notConnected(this.title)}</p>
      <button @click=${this.#askAgain}>${t().askAgain}</button>
    </div>`;
  }

  readonly #deliver: Composer["deliver"] = async (text, files, taken) => {
    await this.#talk?.send(text, files, taken);
    this.#list?.toEnd();
  };

  readonly #askAgain = () => {
    this.dispatchEvent(
      new CustomEvent("ask-again", {
        detail: { peer: this.peer },
        bubbles: true,
        composed: true,
      }),
    );
  };

  readonly #act = (act: Act, row: MessageRow) => {
    if (act === "whole") {
      if (!this.#whole.delete(row.key)) {
        this.#whole.add(row.key);
      }
      this.requestUpdate();
      return;
    }
    const done =
      act === "retry" ? this.#talk?.retry(row.message) : this.#talk?.discard(row.message);
    // Its buttons are gone, or will be; what goes wrong is shown with the message.
    this.focus();
    done?.catch(() => this.requestUpdate());
  };

  readonly #earlier = () => {
    if (this.#talk?.timeline.top === "more") {
      void this.#talk.older();
    }
  };

  /** Tell the peer what has been read, if somebody looks. */
  readonly #look = () => {
    const list = this.#list;
    const talk = this.#talk;
    if (!list || !talk || !this.#placed || !isAttentive()) {
      return;
    }
    const { rows } = talk.timeline;
    const { first, end } = list.inView;
    for (let index = Math.min(end, rows.length) - 1; index >= first; index -= 1) {
      const row = rows[index];
      if (row?.kind === "message" && !row.message.mine && row.message.seq !== null) {
        talk.seen(row.message.seq);
        break;
      }
    }
    if (list.sticks && this.#unseen > 0) {
      this.#unseen = 0;
      this.requestUpdate();
    }
  };

  #onNews(message: Message): void {
    if (!(isAttentive() && (this.#list?.sticks ?? true))) {
      this.#unseen += 1;
    }
    this.#announcer.add(message, this.title);
  }

  #say(texts: readonly string[]): void {
    const lines = texts.map((text) =>
      Object.assign(document.createElement("p"), { textContent: text }),
    );
    this.renderRoot.querySelector(".announcements")?.replaceChildren(...lines);
  }

  async #view(content: FileContent): Promise<void> {
    const { showPicture } = await import("./picture");
    showPicture(this.renderRoot as ShadowRoot, content);
  }

  readonly #dragged = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes("Files") && this.#talk?.live) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      this.dragging = true;
    }
  };

  readonly #dragLeft = (event: DragEvent) => {
    if (!(event.relatedTarget instanceof Node && this.contains(event.relatedTarget))) {
      this.dragging = false;
    }
  };

  readonly #dropped = (event: DragEvent) => {
    this.dragging = false;
    const files = event.dataTransfer?.files;
    if (files && files.length > 0 && this.#talk?.live) {
      event.preventDefault();
      void this.#composer?.add([...files]);
    }
  };

  static override styles = [
    controls,
    css`
      :host {
        position: relative;
        display: flex;
        flex-direction: column;
        block-size: 100%;
        min-block-size: 0;
        container-type: inline-size;
        overflow: hidden;
      }
      /* Long lines are hard to read: on wide screens what is said stays in the middle. */
      duologue-list,
      duologue-composer,
      .typing {
        --gutter: max(0px, (100cqi - 56rem) / 2);
      }
      duologue-list {
        flex: 1;
      }
      .typing {
        display: flex;
        align-items: center;
        gap: 8px;
        min-block-size: 22px;
        padding-inline: calc(16px + var(--gutter));
        color: var(--d-muted);
        font-size: 0.8125rem;
        overflow: hidden;
        white-space: nowrap;
      }
      .dots {
        display: inline-flex;
        gap: 3px;
      }
      .dots i {
        inline-size: 6px;
        block-size: 6px;
        border-radius: 50%;
        background: currentColor;
        animation: dot 1.2s infinite ease-in-out;
      }
      .dots i:nth-child(2) {
        animation-delay: 0.2s;
      }
      .dots i:nth-child(3) {
        animation-delay: 0.4s;
      }
      @keyframes dot {
        0%,
        60%,
        100% {
          transform: none;
          opacity: 0.5;
        }
        30% {
          transform: translateY(-3px);
          opacity: 1;
        }
      }
      .over {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: center;
        gap: 4px 16px;
        margin: 0;
        padding: 12px 16px;
        border-block-start: 1px solid var(--d-line);
        background: var(--d-surface);
        text-align: center;
        overflow-wrap: anywhere;
      }
      .over p {
        margin: 0;
      }
      .drop {
        position: absolute;
        inset: 8px;
        z-index: 1;
        display: grid;
        place-items: center;
        border: 3px dashed var(--d-accent);
        border-radius: var(--d-radius);
        background: color-mix(in srgb, var(--d-bg) 88%, transparent);
        font-weight: 600;
        pointer-events: none;
      }
    `,
  ];
}

/** Whether somebody is likely to look at the page. */
function isAttentive(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

define("duologue-conversation", Conversation);

declare global {
  interface HTMLElementTagNameMap {
    "duologue-conversation": Conversation;
    "duologue-composer": Composer;
    "duologue-list": MessageList;
  }
}
