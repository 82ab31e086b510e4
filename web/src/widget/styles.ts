/** How the widget looks; its size and colours are the page's to set. */
import { css } from "lit";
import { controls, theme } from "../shared/theme";

export const widgetStyles = [
  theme,
  controls,
  css`
    :host {
      display: block;
      inline-size: 360px;
      block-size: 520px;
      max-inline-size: 100%;
      border: 1px solid var(--d-line);
      border-radius: var(--d-radius);
      overflow: hidden;
      text-align: start;
    }
    :host([hidden]) {
      display: none;
    }
    :host([theme="light"]) {
      color-scheme: light;
    }
    :host([theme="dark"]) {
      color-scheme: dark;
    }
    .chat {
      display: flex;
      flex-direction: column;
      block-size: 100%;
      /* What the page says of all its text would be inherited; font and direction may be. */
      cursor: auto;
      font-variant: normal;
      hyphens: manual;
      letter-spacing: normal;
      text-align: start;
      text-indent: 0;
      text-shadow: none;
      text-transform: none;
      white-space: normal;
      word-break: normal;
      word-spacing: normal;
    }
    header {
      display: flex;
      align-items: center;
      gap: 8px;
      min-block-size: 56px;
      padding-block: 6px;
      padding-inline: 16px 8px;
      border-block-end: 1px solid var(--d-line);
      background: var(--d-surface);
    }
    header button {
      flex: none;
      padding: 0 10px;
      font-size: 0.875rem;
    }
    .who {
      flex: 1;
      min-inline-size: 0;
    }
    h2,
    h3,
    p {
      margin: 0;
    }
    h2 {
      overflow: hidden;
      font-size: 1rem;
      line-height: 1.3;
      text-overflow: ellipsis;
      white-space: nowrap;
    }
    h3 {
      font-size: 1.0625rem;
      overflow-wrap: anywhere;
    }
    .who p {
      color: var(--d-muted);
      font-size: 0.8125rem;
    }
    .who .online {
      color: var(--d-good);
    }
    .banner:not(:empty) {
      padding: 6px 16px;
      background: var(--d-warn-soft);
      font-size: 0.875rem;
    }
    .question {
      display: flex;
      flex-wrap: wrap;
      gap: 8px;
      padding: 10px 16px;
      border-block-end: 1px solid var(--d-line);
      background: var(--d-surface);
    }
    .question p {
      inline-size: 100%;
    }
    .page {
      flex: 1;
      display: flex;
      flex-direction: column;
      justify-content: safe center;
      gap: 14px;
      min-block-size: 0;
      padding: 16px 24px;
      overflow-y: auto;
    }
    .hint {
      color: var(--d-muted);
      font-size: 0.9375rem;
    }
    .news:empty,
    .trouble:empty {
      display: none;
    }
    .news {
      font-weight: 600;
    }
    label {
      display: grid;
      gap: 4px;
      font-size: 0.9375rem;
    }
    blockquote {
      margin: 0;
      padding: 10px 14px;
      border-inline-start: 3px solid var(--d-accent);
      border-radius: var(--d-radius-small);
      background: var(--d-surface);
      overflow-wrap: anywhere;
      white-space: pre-wrap;
    }
    .choice {
      display: flex;
      flex-wrap: wrap;
      gap: 8px;
    }
    .trouble {
      color: var(--d-bad);
      font-size: 0.9375rem;
    }
    .chat > .trouble {
      padding-inline: 16px;
    }
    duologue-conversation {
      flex: 1;
    }
  `,
];
