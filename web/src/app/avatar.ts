/** A peer's mark: initials on a colour that goes with the ID, and whether it is online. */
import { css, html, nothing, type TemplateResult, unsafeCSS } from "lit";
import { HUES, hue, initials } from "./naming";

/** Only for the eye: the name and the presence are said in words beside it. */
export function avatar(id: string, name: string, online = false): TemplateResult {
  return html`<span class="avatar hue-${hue(id)}" aria-hidden="true"
    >${initials(name)}${online ? html`<span class="dot"></span>` : nothing}</span
  >`;
}

const hues = Array.from({ length: HUES }, (_, at) => `.hue-${at}{--hue:${(at * 360) / HUES}}`);

export const avatars = [
  css`
    .avatar {
      position: relative;
      flex: none;
      display: grid;
      place-items: center;
      width: 44px;
      height: 44px;
      border-radius: 50%;
      font-weight: 600;
      color: #ffffff;
      background: oklch(48% 0.11 var(--hue));
      user-select: none;
    }
    .dot {
      position: absolute;
      inset-block-end: 0;
      inset-inline-end: 0;
      width: 12px;
      height: 12px;
      border-radius: 50%;
      border: 2px solid var(--d-bg);
      background: var(--d-good);
    }
  `,
  unsafeCSS(hues.join("")),
];
