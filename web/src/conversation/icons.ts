/** Small drawings; what they mean is said beside them. */
import { html, type SVGTemplateResult, svg, type TemplateResult } from "lit";

function drawing(size: number, shapes: SVGTemplateResult, width = size): TemplateResult {
  return html`<svg
    aria-hidden="true"
    width=${width}
    height=${size}
    viewBox=${`0 0 ${width} ${size}`}
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linecap="round"
    stroke-linejoin="round"
  >
    ${shapes}
  </svg>`;
}

export const icons = {
  clock: () =>
    drawing(14, svg`<circle cx="7" cy="7" r="5.5"></circle><path d="M7 4v3l2 1.5"></path>`),
  tick: () => drawing(14, svg`<path d="M2 7.5l3.2 3.2L12 4"></path>`),
  ticks: () =>
    drawing(
      14,
      svg`<path d="M1.5 7.5l3.2 3.2L11.5 4"></path><path d="M8.2 10.2l.7.5L16.5 4"></path>`,
      18,
    ),
  warning: () =>
    drawing(18, svg`<path d="M9 2.5L16.5 15.5h-15z"></path><path d="M9 7.5v3.5M9 13.3v.1"></path>`),
  send: () =>
    drawing(
      22,
      svg`<path d="M3.5 11L19 3.5l-4.5 15-3.5-6z"></path><path d="M11 12.5L19 3.5"></path>`,
    ),
  clip: () =>
    drawing(
      22,
      svg`<path d="M18.5 10.5l-7.4 7.4a4.4 4.4 0 0 1-6.2-6.2l7.8-7.8a2.9 2.9 0 0 1 4.1 4.1l-7.7 7.7a1.4 1.4 0 0 1-2-2l6.9-6.9"></path>`,
    ),
  file: () => drawing(28, svg`<path d="M7 3.5h9l6 6v15H7z"></path><path d="M16 3.5v6h6"></path>`),
  down: () => drawing(20, svg`<path d="M10 4v12M5 11l5 5 5-5"></path>`),
  save: () => drawing(20, svg`<path d="M10 3.5v9M6 9l4 4 4-4M3.5 16.5h13"></path>`),
  cross: () => drawing(16, svg`<path d="M3.5 3.5l9 9M12.5 3.5l-9 9"></path>`),
} as const;
