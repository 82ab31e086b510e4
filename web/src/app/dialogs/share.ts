/** A link with what can be done to bring it to somebody: copy, share, show as a QR code. */
import { css, html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy";
import { icons } from "../icons";
import type { Model } from "../model";
import { qrCode } from "./qr";
import { t } from "./texts";

export const sharing = css`
  .qr {
    display: block;
    width: min(100%, 260px);
    margin-inline: auto;
    border-radius: var(--d-radius-small);
  }
  .link {
    display: block;
    padding: 10px 12px;
    border: 1px solid var(--d-line);
    border-radius: var(--d-radius-small);
    background: var(--d-surface);
  }
`;

/** Asks for attention by itself: `copied` is called once the link has been copied. */
export function share(
  model: Model,
  url: string,
  label: string,
  copied: (worked: boolean) => void,
): TemplateResult {
  const canShare = typeof navigator.share === "function";
  // Whoever changes their mind has not met with an error
  const give = () => void navigator.share({ url }).catch(() => undefined);
  return html`
    ${qrCode(url, label)}
    <code class="id link">${url}</code>
    <div class="actions">
      ${canShare ? html`<button @click=${give}>${t().share}</button>` : nothing}
      <button
        class="primary"
        autofocus
        @click=${async () => copied(await copy(model, url, t().linkCopied))}
      >
        ${icons.copy()}${t().copyLink}
      </button>
    </div>
  `;
}
