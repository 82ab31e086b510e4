/** One message, as the list shows it. */
import { css, html, nothing, type TemplateResult } from "lit";
import type { Link, Message, MessageState } from "../client/api";
import { type Content, understand } from "../client/content";
import "./attachment";
import { clock, wholeTime } from "./format";
import { icons } from "./icons";
import { findLinks, type Piece } from "./links";
import { t } from "./texts";
import { type MessageRow, stateOf } from "./timeline";

/** Longer ones are cut until the reader wants all. */
const LONG_TEXT = 5000;
const LONG_DATA = 2000;

export type Act = "retry" | "discard" | "whole";

/** What a message's looks depend on beside itself. */
export interface Surroundings {
  readonly title: string;
  readonly link: Link | undefined;
  readonly online: boolean;
  /** Keys of those that are shown whole although they are long. */
  readonly whole: ReadonlySet<string>;
  readonly act: (act: Act, row: MessageRow) => void;
}

export function messageTemplate(row: MessageRow, around: Surroundings): TemplateResult {
  const { message, starts, ends } = row;
  const { content } = made(message);
  const state = stateOf(message, around.link);
  const side = message.mine ? "mine" : "theirs";
  return html`<div
    class="message ${side} ${starts ? "starts" : ""} ${ends ? "ends" : ""} ${state}"
    data-id=${message.id}
  >
    <div class="bubble with-${content.kind}">
      <span class="visually-hidden">${message.mine ? t().you : around.title}: </span>
      ${body(row, around)}
      <span class="meta">
        <time datetime=${new Date(message.at).toISOString()} title=${wholeTime(message.at)}
          >${clock(message.at)}</time
        >
        ${message.mine ? stateMark(state, around.online) : nothing}
      </span>
      ${
        state === "sending" && content.kind === "file" && around.online
          ? html`<progress aria-label=${t().sending}></progress>`
          : nothing
      }
    </div>
    ${state === "failed" ? failure(row, around) : nothing}
  </div>`;
}

function body(row: MessageRow, around: Surroundings): TemplateResult {
  const { content } = made(row.message);
  if (content.kind === "other") {
    return long(row, around, content.json, LONG_DATA, (text) => [text]);
  }
  if (content.kind === "text") {
    return long(row, around, content.text, LONG_TEXT, findLinks);
  }
  return html`<duologue-attachment .content=${content}></duologue-attachment>${
    content.text ? long(row, around, content.text, LONG_TEXT, findLinks) : nothing
  }`;
}

function long(
  row: MessageRow,
  around: Surroundings,
  text: string,
  most: number,
  split: (text: string) => readonly Piece[],
): TemplateResult {
  const isLong = text.length > most;
  const whole = around.whole.has(row.key);
  const cut = isLong && !whole;
  const pieces = piecesOf(row.message, cut, () => split(cut ? beginning(text, most) : text));
  const data = made(row.message).content.kind === "other";
  // No white space between the tags: it would be shown.
  return html`<div class="text" dir="auto" title=${data ? t().data : nothing}>${pieces.map(
    (piece) =>
      typeof piece === "string"
        ? piece
        : html`<a
            href=${piece.href}
            title=${piece.href}
            target="_blank"
            rel="noopener noreferrer nofollow"
            >${piece.text}</a
          >`,
  )}${cut ? "…" : nothing}</div>${
    isLong
      ? html`<button class="more" aria-expanded=${whole} @click=${() => around.act("whole", row)}>
          ${whole ? t().showLess : t().showAll}
        </button>`
      : nothing
  }`;
}

/** Not between the halves of a character. */
function beginning(text: string, most: number): string {
  return text.slice(0, most).replace(/[\ud800-\udbff]$/, "");
}

interface Made {
  readonly content: Content;
  pieces?: readonly Piece[];
  cut?: boolean;
}

/** A message is drawn many times while it is scrolled by; what it says stays the same. */
const making = new WeakMap<Message, Made>();

function made(message: Message): Made {
  let known = making.get(message);
  if (!known) {
    known = { content: understand(message.content) };
    making.set(message, known);
  }
  return known;
}

function piecesOf(message: Message, cut: boolean, split: () => readonly Piece[]) {
  const known = made(message);
  if (!known.pieces || known.cut !== cut) {
    known.pieces = split();
    known.cut = cut;
  }
  return known.pieces;
}

function stateMark(state: MessageState, online: boolean): TemplateResult {
  const name =
    state === "failed" ? t().notSent : state === "sending" && !online ? t().waiting : t()[state];
  return html`<span class="state" role="img" aria-label=${name} title=${name}
    >${stateIcon(state)}</span
  >`;
}

function stateIcon(state: MessageState): TemplateResult {
  switch (state) {
    case "sending":
      return icons.clock();
    case "stored":
      return icons.tick();
    case "failed":
      return icons.warning();
    default:
      return icons.ticks();
  }
}

function failure(row: MessageRow, around: Surroundings): TemplateResult {
  const { problem } = row.message;
  return html`<div class="failure">
    <p>
      <strong>${t().notSent}.</strong>
      ${problem ? (t().why(problem.code) ?? problem.error) : nothing}
    </p>
    <button @click=${() => around.act("retry", row)}>${t().retry}</button>
    <button @click=${() => around.act("discard", row)}>${t().discard}</button>
  </div>`;
}

/** A guess at a message's height, before it has been drawn. */
export function guessHeight(row: MessageRow, width: number): number {
  const { content } = made(row.message);
  const perLine = Math.max(16, Math.min(width * 0.8, 560) / 7.6);
  const lines = (text: string) => {
    const shown = text.slice(0, LONG_TEXT);
    return Math.max(1, Math.ceil(shown.length / perLine) + (shown.split("\n").length - 1));
  };
  const gap = row.starts ? 10 : 3;
  if (content.kind === "file") {
    const picture = content.type.startsWith("image/") || content.type.startsWith("video/");
    return gap + (picture ? 290 : 100) + (content.text ? lines(content.text) * 23 : 0);
  }
  const text = content.kind === "text" ? content.text : content.json.slice(0, LONG_DATA);
  return gap + 36 + lines(text) * 23;
}

export const messageStyles = css`
  .message {
    display: flex;
    flex-direction: column;
    align-items: flex-start;
    padding: 3px 12px 0;
  }
  .message.starts {
    padding-block-start: 10px;
  }
  .message.mine {
    align-items: flex-end;
  }
  .bubble {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-end;
    justify-content: flex-end;
    gap: 0 12px;
    max-inline-size: min(36em, 80%);
    padding: 7px 12px 6px;
    border-radius: 16px;
    background: var(--d-theirs);
    outline: 1px solid transparent; /* seen where the system chooses the colours */
    outline-offset: -1px;
  }
  .mine > .bubble {
    background: var(--d-mine);
  }
  .with-file {
    display: block;
    padding: 6px;
  }
  .with-file .text {
    padding: 4px 6px 0;
  }
  .theirs.ends > .bubble {
    border-end-start-radius: 5px;
  }
  .mine.ends > .bubble {
    border-end-end-radius: 5px;
  }
  .failed > .bubble {
    background: var(--d-bad-soft);
  }
  .text {
    flex: 1 1 auto;
    min-inline-size: 0;
    max-inline-size: 100%;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    unicode-bidi: plaintext;
  }
  .with-other .text {
    font: 0.8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  }
  .text a {
    color: var(--d-accent);
    text-underline-offset: 2px;
  }
  .meta {
    display: flex;
    align-items: center;
    justify-content: flex-end;
    gap: 4px;
    margin-block-start: 3px;
    color: var(--d-muted);
    font-size: 0.75rem;
    line-height: 1.25;
    font-variant-numeric: tabular-nums;
  }
  .mine .meta {
    color: color-mix(in srgb, var(--d-text) 72%, var(--d-mine));
  }
  .state {
    display: inline-grid;
  }
  .read .state {
    color: var(--d-accent);
  }
  .failed .state {
    color: var(--d-bad);
  }
  .more {
    min-block-size: 32px;
    margin-block: 4px;
    padding: 0 10px;
    font-size: 0.875rem;
  }
  progress {
    display: block;
    inline-size: 100%;
    block-size: 4px;
    margin-block-start: 6px;
    accent-color: var(--d-accent);
  }
  .failure {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: flex-end;
    gap: 4px 8px;
    max-inline-size: min(36em, 80%);
    padding-block: 4px;
    font-size: 0.875rem;
  }
  .failure p {
    margin: 0;
    color: var(--d-bad);
  }
  .failure button {
    min-block-size: 32px;
    padding: 0 12px;
    font-size: 0.875rem;
  }
`;
