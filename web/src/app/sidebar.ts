/** The list side: who the person is, who asks, and the conversations. */
import { css, html, nothing, type TemplateResult } from "lit";
import { controls } from "../shared/theme";
import { icons } from "./icons";
import "./identity";
import { List } from "./list";
import { askSomebody, openSettings } from "./open-dialogs";
import "./requests";
import { t } from "./texts";
import { View, words } from "./view";

export class Sidebar extends View {
  static override styles = [
    controls,
    words,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
      }
      .bar {
        display: flex;
        align-items: center;
        gap: 8px;
        flex: none;
        min-height: 60px;
        padding-inline: 16px 8px;
      }
      .brand {
        flex: 1;
        display: flex;
        align-items: center;
        gap: 8px;
        min-width: 0;
        font-size: 1.125rem;
        font-weight: 700;
        letter-spacing: -0.01em;
      }
      .brand svg {
        flex: none;
        color: var(--d-accent);
      }
      .scroll {
        flex: 1;
        min-height: 0;
        overflow-y: auto;
      }
      duologue-identity {
        margin: 0 16px 8px;
      }
      .none {
        margin: 0;
        padding: 8px 16px 16px;
      }
      @media (max-width: 759.98px) {
        .none {
          display: none;
        }
      }
    `,
  ];

  /** Move the focus to a conversation in the list, or to what there is instead. */
  focusOn(peer: string | null): void {
    const list = this.find("duologue-conversations");
    if (!(list instanceof List) || !list.focusOn(peer)) {
      this.find(".bar button")?.focus();
    }
  }

  protected override render(): TemplateResult {
    const { model } = this;
    return html`
      <div class="bar">
        <span class="brand" aria-hidden="true">${icons.logo()}<span class="cut">Duologue</span></span>
        <button
          class="quiet icon"
          title=${t().newContact}
          aria-label=${t().newContact}
          @click=${() => askSomebody(model)}
        >
          ${icons.plus()}
        </button>
        <button
          class="quiet icon"
          title=${t().settings}
          aria-label=${t().settings}
          @click=${() => openSettings(model)}
        >
          ${icons.sliders()}
        </button>
      </div>
      <div class="scroll">
        ${
          model.alone
            ? nothing
            : html`<duologue-identity compact .model=${model}></duologue-identity>`
        }
        <duologue-requests
          .model=${model}
          @requests-done=${() => this.focusOn(model.peer)}
        ></duologue-requests>
        ${
          model.alone
            ? html`<p class="none muted">${t().noConversations}</p>`
            : html`<duologue-conversations .model=${model}></duologue-conversations>`
        }
      </div>
    `;
  }
}

customElements.define("duologue-sidebar", Sidebar);
