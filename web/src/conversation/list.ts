/** A long list of which only what is seen, and a little around it, is in the page. */
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { define } from "../shared/define";
import { controls } from "../shared/theme";
import { Heights } from "./heights";
import { icons } from "./icons";
import { messageStyles } from "./message";
import { rowStyles } from "./rows";
import { t } from "./texts";
import type { Row } from "./timeline";

/** How far beyond what is seen there are rows, and how near the edge of them new ones are made. */
const OVERSCAN_PX = 800;
const MARGIN_PX = 300;
/** The reader is at the end of it within this distance. */
const NEAR_END_PX = 48;
/** Where earlier rows are asked for: this many times what is seen at once. */
const EARLIER_SCREENS = 4;

/** A row that stays where it is on the screen while others change. */
interface Anchor {
  readonly key: string;
  readonly index: number;
  /** From the row's beginning to the upper edge of what is seen. */
  readonly delta: number;
}

/**
 * Fires `seen` when other rows are seen than before, `earlier` when the reader comes near the
 * beginning.
 */
export class MessageList extends LitElement {
  static override properties = {
    rows: { attribute: false },
    stamp: { attribute: false },
    show: { attribute: false },
    guess: { attribute: false },
    label: { attribute: false },
    unseen: { attribute: false },
  };

  declare rows: readonly Row[];
  /** Changes when a row is to be drawn anew although the rows are the same. */
  declare stamp: number;
  declare show: (row: Row) => TemplateResult;
  /** A height for a row that has not been measured. */
  declare guess: (row: Row, width: number) => number;
  declare label: string;
  /** How many new ones there are below what the reader has seen. */
  declare unseen: number;

  #heights = new Heights(0, () => 0);
  readonly #measured = new Map<string, number>();
  #first = 0;
  #end = 0;
  #anchor: Anchor | null = null;
  #sticks = true;
  #scrolled = 0;
  #width = 0;
  #wanted: string | null = null;
  readonly #observed = new Set<Element>();
  readonly #rowSizes = new ResizeObserver((entries) => this.#resized(entries));
  readonly #boxSize = new ResizeObserver(() => this.#boxResized());

  constructor() {
    super();
    this.rows = [];
    this.stamp = 0;
    this.show = () => html``;
    this.guess = () => 60;
    this.label = "";
    this.unseen = 0;
  }

  /** Whether the reader is at the end, and so goes along with what is new. */
  get sticks(): boolean {
    return this.#sticks;
  }

  /** The rows from `first` to before `end` of which the reader sees at least the beginning. */
  get inView(): { first: number; end: number } {
    const box = this.#box;
    if (!box || this.rows.length === 0) {
      return { first: 0, end: 0 };
    }
    const bottom = box.scrollTop + box.clientHeight;
    const { first, end } = this.#heights.between(box.scrollTop, bottom);
    // Less than this of the last one is hardly seen.
    const hidden = this.#heights.top(end - 1) > bottom - 24 && end < this.rows.length;
    return { first, end: hidden ? end - 1 : end };
  }

  /** Show the end, and stay there. */
  toEnd(): void {
    this.#sticks = true;
    this.#wanted = null;
    this.requestUpdate();
  }

  /** Show this row at the top, once it is there. */
  showRow(key: string): void {
    this.#wanted = key;
    this.requestUpdate();
  }

  override focus(options?: FocusOptions): void {
    this.#box?.focus(options);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#rowSizes.disconnect();
    this.#boxSize.disconnect();
    this.#observed.clear();
  }

  get #box(): HTMLElement | null {
    return this.renderRoot?.querySelector<HTMLElement>(".box") ?? null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("rows")) {
      const { rows } = this;
      this.#catchUp(changed.get("rows") ?? []);
      this.#heights = new Heights(rows.length, (index) => this.#heightOf(rows[index] as Row));
      this.#findAnchor();
    }
    this.#findWindow();
  }

  #heightOf(row: Row): number {
    return this.#measured.get(row.key) ?? this.guess(row, this.#width || 360);
  }

  /** Where the list is to be scrolled to, by the heights as they are known. */
  #goal(viewport: number): number {
    const most = Math.max(0, this.#heights.total - viewport);
    const wanted = this.#wanted === null ? -1 : this.#indexOf(this.#wanted, 0);
    if (wanted >= 0) {
      return Math.min(most, Math.max(0, this.#heights.top(wanted) - 8));
    }
    if (this.#sticks || !this.#anchor) {
      return most;
    }
    return Math.min(most, this.#heights.top(this.#anchor.index) + this.#anchor.delta);
  }

  #findWindow(): void {
    const viewport = this.#box?.clientHeight || 600;
    const top = this.#goal(viewport);
    const { first, end } = this.#heights.between(top - OVERSCAN_PX, top + viewport + OVERSCAN_PX);
    this.#first = first;
    this.#end = end;
  }

  /** Rows have come before the anchor, or gone: where is it now? */
  #findAnchor(): void {
    if (this.#anchor) {
      const index = this.#indexOf(this.#anchor.key, this.#anchor.index);
      this.#anchor = index < 0 ? null : { ...this.#anchor, index };
    }
  }

  /** Looks from `near` on first: rows come at the beginning more often than they go. */
  #indexOf(key: string, near: number): number {
    const { rows } = this;
    for (let index = Math.max(0, near); index < rows.length; index += 1) {
      if (rows[index]?.key === key) {
        return index;
      }
    }
    return rows.findIndex((row) => row.key === key);
  }

  protected override render() {
    const shown = this.rows.slice(this.#first, this.#end);
    return html`
      <div
        class="box"
        role="log"
        aria-live="off"
        aria-label=${this.label}
        tabindex="0"
        @scroll=${this.#onScroll}
      >
        <div class="all">
          <div class="window">
            ${repeat(
              shown,
              (row) => row.key,
              (row) => html`<div class="row" data-key=${row.key}>${this.show(row)}</div>`,
            )}
          </div>
        </div>
      </div>
      ${
        this.#sticks || this.#wholeInView
          ? nothing
          : html`<button
              class="jump"
              aria-label=${this.unseen > 0 ? t().jumpNew(this.unseen) : t().jump}
              @click=${this.#jump}
            >
              ${icons.down()}
              ${this.unseen > 0 ? html`<span class="count">${this.unseen}</span>` : nothing}
            </button>`
      }
    `;
  }

  get #wholeInView(): boolean {
    const box = this.#box;
    return !box || this.#heights.total <= box.clientHeight + NEAR_END_PX;
  }

  protected override updated(): void {
    const box = this.#box;
    if (!box) {
      return;
    }
    this.#boxSize.observe(box);
    this.#observe();
    this.#measure();
    this.#place(box);
  }

  #observe(): void {
    const rows = new Set(this.renderRoot.querySelectorAll(".row"));
    for (const row of this.#observed) {
      if (!rows.has(row)) {
        this.#rowSizes.unobserve(row);
        this.#observed.delete(row);
      }
    }
    for (const row of rows) {
      if (!this.#observed.has(row)) {
        this.#rowSizes.observe(row);
        this.#observed.add(row);
      }
    }
  }

  /** Take the heights of what is drawn. Returns whether there was news in them. */
  #measure(): boolean {
    let news = false;
    let index = this.#first;
    for (const element of this.renderRoot.querySelectorAll<HTMLElement>(".row")) {
      const { height } = element.getBoundingClientRect();
      const key = this.rows[index]?.key;
      if (key !== undefined && key === element.dataset.key && height > 0) {
        this.#measured.set(key, height);
        news = this.#heights.set(index, height) || news;
      }
      index += 1;
    }
    return news;
  }

  /** Bring size and position of everything in line with the heights. */
  #place(box: HTMLElement): void {
    const all = box.querySelector<HTMLElement>(".all");
    const window = box.querySelector<HTMLElement>(".window");
    if (!all || !window) {
      return;
    }
    all.style.blockSize = `${this.#heights.total}px`;
    window.style.insetBlockStart = `${this.#heights.top(this.#first)}px`;
    const goal = this.#goal(box.clientHeight);
    if (Math.abs(box.scrollTop - goal) > 0.5) {
      box.scrollTop = goal;
    }
    if (this.#wanted !== null && this.#indexOf(this.#wanted, 0) >= 0) {
      this.#sticks = this.#isNearEnd(box);
      this.#hold(box);
    } else if (!this.#anchor || this.#sticks) {
      this.#hold(box);
    }
    this.#scrolled = box.scrollTop;
    this.#afterMove(box);
  }

  /** Draw more where too little is drawn, and tell who wants to know. */
  #afterMove(box: HTMLElement): void {
    const from = box.scrollTop;
    const until = from + box.clientHeight;
    const drawnFrom = this.#heights.top(this.#first);
    const drawnUntil = this.#heights.top(this.#end);
    if (
      (this.#first > 0 && drawnFrom > from - MARGIN_PX) ||
      (this.#end < this.rows.length && drawnUntil < until + MARGIN_PX)
    ) {
      this.requestUpdate();
    } else {
      this.#wanted = null;
    }
    if (from < box.clientHeight * EARLIER_SCREENS) {
      this.dispatchEvent(new CustomEvent("earlier"));
    }
    this.dispatchEvent(new CustomEvent("seen"));
  }

  /** Remember what is at the top of the screen. Only messages stay while others come. */
  #hold(box: HTMLElement, rows = this.rows): void {
    const top = box.scrollTop;
    for (let index = this.#heights.at(top); index < rows.length; index += 1) {
      const row = rows[index];
      if (row?.kind === "message") {
        this.#anchor = { key: row.key, index, delta: top - this.#heights.top(index) };
        return;
      }
    }
    this.#anchor = null;
  }

  #isNearEnd(box: HTMLElement): boolean {
    return box.scrollHeight - box.clientHeight - box.scrollTop <= NEAR_END_PX;
  }

  readonly #onScroll = (event: Event) => {
    const box = event.currentTarget as HTMLElement;
    if (!this.#catchUp(this.rows)) {
      return;
    }
    this.#keepFocus(box);
    this.#afterMove(box);
  };

  /** Take note of where the reader has scrolled to. Returns false if that is our own doing. */
  #catchUp(rows: readonly Row[]): boolean {
    const box = this.#box;
    if (!box || Math.abs(box.scrollTop - this.#scrolled) <= 0.5) {
      return false;
    }
    const stuck = this.#sticks;
    const up = box.scrollTop < this.#scrolled;
    // What grows below the reader is not the reader's going away from the end.
    this.#sticks = this.#isNearEnd(box) || (stuck && !up);
    if (stuck !== this.#sticks) {
      this.requestUpdate();
    }
    this.#wanted = null;
    this.#scrolled = box.scrollTop;
    this.#hold(box, rows);
    return true;
  }

  /** What has the focus must not vanish with its row: the list takes it. */
  #keepFocus(box: HTMLElement): void {
    const row = (this.renderRoot as ShadowRoot).activeElement?.closest<HTMLElement>(".row");
    if (row) {
      const { top, bottom } = row.getBoundingClientRect();
      const around = box.getBoundingClientRect();
      if (bottom < around.top - MARGIN_PX || top > around.bottom + MARGIN_PX) {
        box.focus({ preventScroll: true });
      }
    }
  }

  #resized(entries: readonly ResizeObserverEntry[]): void {
    const box = this.#box;
    if (!box || !entries.some(({ target }) => target.isConnected)) {
      return;
    }
    const moved = this.#catchUp(this.rows);
    if (this.#measure()) {
      this.#place(box);
    } else if (moved) {
      this.#afterMove(box);
    }
  }

  #boxResized(): void {
    const box = this.#box;
    if (!box || box.clientHeight === 0) {
      return;
    }
    if (this.#width !== box.clientWidth) {
      const first = this.#width === 0;
      this.#width = box.clientWidth;
      this.#measure();
      if (first) {
        this.requestUpdate();
      }
    }
    this.#place(box);
  }

  readonly #jump = () => {
    this.toEnd();
    this.focus({ preventScroll: true });
  };

  static override styles = [
    controls,
    messageStyles,
    rowStyles,
    css`
      :host {
        position: relative;
        display: flex;
        flex-direction: column;
        min-block-size: 0;
      }
      .box {
        flex: 1;
        min-block-size: 0;
        overflow-y: auto;
        overflow-x: hidden;
        overflow-anchor: none;
        overscroll-behavior: contain;
        display: flex;
        flex-direction: column;
      }
      .box:focus-visible {
        outline-offset: -3px;
      }
      .all {
        position: relative;
        flex: none;
        margin-block-start: auto;
      }
      .window {
        position: absolute;
        inset-inline: var(--gutter, 0px);
      }
      .row {
        display: flow-root;
      }
      .jump {
        position: absolute;
        inset-block-end: 12px;
        inset-inline-end: 16px;
        min-inline-size: 44px;
        padding: 0 11px;
        border-radius: 22px;
        display: inline-flex;
        align-items: center;
        justify-content: center;
        gap: 6px;
        box-shadow: 0 2px 8px rgb(0 0 0 / 0.2);
      }
      .count {
        min-inline-size: 22px;
        padding-inline: 6px;
        border-radius: 11px;
        background: var(--d-accent);
        color: var(--d-on-accent);
        font-size: 0.8125rem;
        font-weight: 600;
        line-height: 22px;
        text-align: center;
      }
    `,
  ];
}

define("duologue-list", MessageList);
