/** How the rows of a conversation look. */
import { css, html, type TemplateResult } from "lit";
import { dayName } from "./format";
import { guessHeight, messageTemplate, type Surroundings } from "./message";
import { t } from "./texts";
import type { Row } from "./timeline";

export interface RowSurroundings extends Surroundings {
  readonly older: () => void;
}

export function rowTemplate(row: Row, around: RowSurroundings): TemplateResult {
  switch (row.kind) {
    case "message":
      return messageTemplate(row, around);
    case "day":
      return html`<div class="between"><span class="day">${dayLabel(row.at)}</span></div>`;
    case "new":
      return html`<div class="between new"><span>${t().newMessages}</span></div>`;
    case "gap":
      return html`<div class="between">${t().notKept}</div>`;
    default:
      return topTemplate(row, around);
  }
}

function topTemplate(
  row: Extract<Row, { kind: "top" }>,
  { title, link, older }: RowSurroundings,
): TemplateResult {
  switch (row.top) {
    case "failed":
      return html`<div class="between top">
        ${t().olderFailed} <button @click=${older}>${t().tryAgain}</button>
      </div>`;
    case "start":
      return html`<div class="between top">
        ${!row.empty ? t().beginning(title) : link?.ended ? t().nothingSaid : t().nothingYet(title)}
      </div>`;
    case "lost":
      return html`<div class="between top">${t().notKept}</div>`;
    default:
      return html`<div class="between top">
        <span class="spinner" role="img" aria-label=${t().loadingOlder}></span>
      </div>`;
  }
}

export function guessRow(row: Row, width: number): number {
  if (row.kind === "message") {
    return guessHeight(row, width);
  }
  return row.kind === "top" ? 60 : 44;
}

function dayLabel(at: number): string {
  const now = new Date();
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  const day = new Date(at).toDateString();
  if (day === now.toDateString()) {
    return t().today;
  }
  return day === yesterday.toDateString() ? t().yesterday : dayName(at, now.getTime());
}

export const rowStyles = css`
  .between {
    padding: 12px 16px 4px;
    color: var(--d-muted);
    font-size: 0.8125rem;
    text-align: center;
    overflow-wrap: anywhere;
  }
  .top {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: center;
    gap: 4px 12px;
    min-block-size: 60px;
  }
  .day {
    display: inline-block;
    padding: 2px 12px;
    border-radius: 12px;
    background: var(--d-surface);
  }
  .new {
    display: flex;
    align-items: center;
    gap: 12px;
    color: var(--d-accent);
    font-weight: 600;
  }
  .new::before,
  .new::after {
    content: "";
    flex: 1;
    block-size: 1px;
    background: currentColor;
    opacity: 0.5;
  }
  .spinner {
    inline-size: 22px;
    block-size: 22px;
    border: 3px solid var(--d-line);
    border-block-start-color: var(--d-accent);
    border-radius: 50%;
    animation: turn 0.9s linear infinite;
  }
  @keyframes turn {
    to {
      transform: rotate(1turn);
    }
  }
`;
