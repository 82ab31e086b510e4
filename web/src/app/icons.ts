/** Small drawings; what they mean is said beside them or by the button's name. */
import { html, type SVGTemplateResult, svg, type TemplateResult } from "lit";

function drawing(shapes: SVGTemplateResult): TemplateResult {
  return html`<svg
    aria-hidden="true"
    width="22"
    height="22"
    viewBox="0 0 22 22"
    fill="none"
    stroke="currentColor"
    stroke-width="1.7"
    stroke-linecap="round"
    stroke-linejoin="round"
  >
    ${shapes}
  </svg>`;
}

export const icons = {
  plus: () => drawing(svg`<path d="M11 4.5v13M4.5 11h13" />`),
  sliders: () =>
    drawing(
      svg`<path d="M3 6.5h9M16.5 6.5H19M3 15.5h2.5M10 15.5h9" /><circle cx="14.2" cy="6.5" r="2.3" /><circle cx="7.7" cy="15.5" r="2.3" />`,
    ),
  copy: () =>
    drawing(
      svg`<rect x="8" y="8" width="10.5" height="10.5" rx="2.2" /><path d="M5.5 14H5a1.5 1.5 0 0 1-1.5-1.5V5A1.5 1.5 0 0 1 5 3.5h7.5A1.5 1.5 0 0 1 14 5v.5" />`,
    ),
  qr: () =>
    drawing(
      svg`<path d="M3.5 3.5h5.5v5.5h-5.5zM13 3.5h5.5v5.5h-5.5zM3.5 13h5.5v5.5h-5.5zM13 13h2v2h-2zM18.5 13v2.2M16.5 18.5h2M13 18.4v.1" />`,
    ),
  invite: () =>
    drawing(
      svg`<path d="M9.2 12.8a3.6 3.6 0 0 0 5.2 0l3.1-3.1a3.7 3.7 0 0 0-5.2-5.2l-1 1" /><path d="M12.8 9.2a3.6 3.6 0 0 0-5.2 0l-3.1 3.1a3.7 3.7 0 0 0 5.2 5.2l1-1" />`,
    ),
  back: () => drawing(svg`<path d="M13.5 4.5L7 11l6.5 6.5" />`),
  more: () =>
    drawing(
      svg`<circle cx="11" cy="4.8" r=".9" fill="currentColor" /><circle cx="11" cy="11" r=".9" fill="currentColor" /><circle cx="11" cy="17.2" r=".9" fill="currentColor" />`,
    ),
  cross: () => drawing(svg`<path d="M5.5 5.5l11 11M16.5 5.5l-11 11" />`),
  person: () =>
    drawing(
      svg`<circle cx="9" cy="7.5" r="3.5" /><path d="M2.8 18.5c.6-3.7 3-5.6 6.2-5.6 1.5 0 2.8.4 3.8 1.2M16.5 12.5v6M13.5 15.5h6" />`,
    ),
  file: () => drawing(svg`<path d="M6 3.5h6.5L17 8v10.5H6z" /><path d="M12.5 3.5V8H17" />`),
  logo: () =>
    html`<svg aria-hidden="true" width="30" height="30" viewBox="0 0 30 30">
      ${svg`<path d="M5 3h12a4 4 0 0 1 4 4v5a4 4 0 0 1-4 4h-6l-5 4v-4H5a4 4 0 0 1-4-4V7a4 4 0 0 1 4-4z" fill="currentColor" opacity=".45" /><path d="M14 11h11a4 4 0 0 1 4 4v5a4 4 0 0 1-4 4v4l-5-4h-6a4 4 0 0 1-4-4v-5a4 4 0 0 1 4-4z" fill="currentColor" />`}
    </svg>`,
} as const;
