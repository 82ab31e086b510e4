/** The person's own ID, and what can be done with it. */
import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from "lit";
import { controls } from "../shared/theme";
import { copy } from "./copy";
import { icons } from "./icons";
import { t } from "./texts";
import { View, words } from "./view";

export class Identity extends View {
  static override properties: PropertyDeclarations = {
    ...View.properties,
    compact: { type: Boolean, reflect: true },
  };
  static override styles = [
    controls,
    words,
    css`
      :host {
        display: block;
        padding: 16px;
        border: 1px solid var(--d-line);
        border-radius: var(--d-radius);
        background: var(--d-surface);
      }
      h2 {
        margin: 0;
        font-size: 0.875rem;
        font-weight: 600;
        color: var(--d-muted);
      }
      .id {
        display: block;
        min-height: 1.45em;
        margin-block: 4px 12px;
        font-size: 1.0625rem;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      .actions button {
        flex: 1 1 auto;
        display: inline-flex;
        align-items: center;
        justify-content: center;
        gap: 8px;
      }
      :host([compact]) {
        display: flex;
        align-items: center;
        padding-block: 4px;
        padding-inline: 12px 4px;
      }
      :host([compact]) .who {
        flex: 1;
        min-width: 0;
      }
      :host([compact]) .id {
        margin: 0;
        min-height: 0;
        font-size: 0.8125rem;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      :host([compact]) .actions {
        flex-wrap: nowrap;
        gap: 0;
      }
      :host([compact]) .actions button {
        width: 44px;
        padding: 0;
        border-color: transparent;
        background: none;
      }
    `,
  ];

  declare compact: boolean;

  constructor() {
    super();
    this.compact = false;
  }

  protected override render(): TemplateResult {
    const { id } = this.model.client;
    const actions = [
      [t().copyId, icons.copy, this.#copy],
      [t().showQr, icons.qr, this.#showQr],
      [t().inviteByLink, icons.invite, this.#invite],
    ] as const;
    return html`
      <div class="who">
        <h2>${t().yourId}</h2>
        ${
          id === null
            ? html`<span class="id muted">${t().idComing}</span>`
            : html`<code class="id" dir="auto" title=${id}>${id}</code>`
        }
      </div>
      <div class="actions">
        ${actions.map(
          ([name, icon, act]) => html`<button
            title=${this.compact ? name : nothing}
            aria-label=${this.compact ? name : nothing}
            ?disabled=${id === null}
            @click=${act}
          >
            ${icon()}${this.compact ? nothing : name}
          </button>`,
        )}
      </div>
    `;
  }

  readonly #copy = () => void copy(this.model, this.model.client.id ?? "", t().idCopied);

  readonly #showQr = () =>
    void this.model.present(async () => {
      const { OwnCode } = await import("./dialogs/own-code");
      return new OwnCode(this.model);
    });

  readonly #invite = () =>
    void this.model.present(async () => {
      const { Invite } = await import("./dialogs/invite");
      return new Invite(this.model);
    });
}

customElements.define("duologue-identity", Identity);
