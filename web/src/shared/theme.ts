/** Colours, spaces and type that all parts share; each can be set from outside by its name. */
import { css } from "lit";

/**
 * For `:host` of an outermost element. Contrasts are at least 4.5 : 1 for text and 3 : 1 for
 * controls and focus, in both schemes (WCAG 2.2, 1.4.3 and 1.4.11).
 */
export const theme = css`
  :host {
    color-scheme: light dark;
    --d-bg: var(--duologue-background, light-dark(#ffffff, #15171c));
    --d-surface: var(--duologue-surface, light-dark(#f4f5f8, #1d2027));
    --d-raised: light-dark(#ffffff, #262a33);
    --d-text: var(--duologue-text, light-dark(#1b1d23, #eceef3));
    --d-muted: light-dark(#5a6070, #a7aebd);
    --d-line: light-dark(#dcdfe6, #343945);
    --d-control: light-dark(#7c8394, #7f8798);
    --d-accent: var(--duologue-accent, light-dark(#3b4fd6, #a9b4ff));
    --d-on-accent: var(--duologue-on-accent, light-dark(#ffffff, #12152b));
    --d-mine: var(--duologue-mine, light-dark(#e3e7ff, #2e3768));
    --d-theirs: var(--duologue-theirs, light-dark(#f0f1f5, #262a33));
    --d-good: light-dark(#17703c, #6fd699);
    --d-bad: light-dark(#b3261e, #ffb4ab);
    --d-bad-soft: light-dark(#fdeceb, #3d2322);
    --d-warn-soft: light-dark(#fff4d6, #3a3118);
    --d-radius: 12px;
    --d-radius-small: 8px;
    --d-font: var(--duologue-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
    font: 16px/1.45 var(--d-font);
    color: var(--d-text);
    background: var(--d-bg);
  }
`;

/** Buttons, fields and focus, for the inside of every element. */
export const controls = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :focus-visible {
    outline: 3px solid var(--d-accent);
    outline-offset: 2px;
  }
  button,
  .button {
    font: inherit;
    color: inherit;
    min-height: 44px;
    padding: 0 16px;
    border: 1px solid var(--d-control);
    border-radius: var(--d-radius-small);
    background: var(--d-raised);
    cursor: pointer;
  }
  .button {
    display: inline-grid;
    align-items: center;
    text-decoration: none;
  }
  button:hover,
  .button:hover {
    border-color: var(--d-accent);
  }
  .primary {
    color: var(--d-on-accent);
    background: var(--d-accent);
    border-color: transparent;
    font-weight: 600;
  }
  button.danger {
    color: var(--d-bad);
    border-color: var(--d-bad);
  }
  button.quiet {
    border-color: transparent;
    background: transparent;
  }
  button.icon {
    min-width: 44px;
    padding: 0;
    display: inline-grid;
    place-items: center;
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  input,
  textarea,
  select {
    font: inherit;
    color: inherit;
    width: 100%;
    min-height: 44px;
    padding: 9px 12px;
    border: 1px solid var(--d-control);
    border-radius: var(--d-radius-small);
    background: var(--d-bg);
  }
  ::placeholder {
    color: var(--d-muted);
    opacity: 1;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
      scroll-behavior: auto !important;
    }
  }
`;
