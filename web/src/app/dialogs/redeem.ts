/** Takes up an invitation that somebody has sent, after asking. */
import { html, type TemplateResult } from "lit";
import type { Model } from "../model";
import { explain } from "../problems";
import { whyNot } from "./invitations";
import { Modal } from "./modal";
import { t } from "./texts";

export class Redeem extends Modal {
  readonly #code: string;

  constructor(model: Model, code: string) {
    super(model);
    this.#code = code;
  }

  protected override heading(): string {
    return t().redeemHeading;
  }

  protected override body(): TemplateResult {
    return html`
      <p>${t().redeemAsk}</p>
      <p class="muted small">${t().redeemMeans}</p>
      ${this.problem()}
      <div class="actions">
        <button @click=${this.close}>${t().notNow}</button>
        <button class="primary" autofocus aria-disabled=${this.busy} @click=${this.#connect}>
          ${t().connect}
        </button>
      </div>
    `;
  }

  readonly #connect = async () => {
    let peer = "";
    const done = await this.attempt(async () => {
      peer = await this.model.client.redeem(this.#code);
    });
    if (done) {
      this.close();
      this.model.open(peer);
    }
  };

  protected override explain(thrown: unknown): string {
    return whyNot(this.#code, thrown) ?? explain(thrown);
  }
}

customElements.define("duologue-redeem", Redeem);
