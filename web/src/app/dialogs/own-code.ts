/** The person's own ID as a QR code and as a link. */
import { html, nothing, type TemplateResult } from "lit";
import { linkTo } from "../address";
import { Modal } from "./modal";
import { share, sharing } from "./share";
import { t } from "./texts";

export class OwnCode extends Modal {
  static override styles = [Modal.styles, sharing];
  #said = "";

  protected override heading(): string {
    return t().ownCodeHeading;
  }

  protected override body(): TemplateResult {
    const { id } = this.model.client;
    if (id === null) {
      return html`${nothing}`;
    }
    return html`
      <p class="muted">${t().ownCodeExplain}</p>
      ${share(this.model, linkTo(id, location.href), t().ownCode, this.#copied)}
      <p role="status" class="muted small">${this.#said}</p>
    `;
  }

  readonly #copied = (worked: boolean) => {
    this.#said = worked ? t().linkCopied : t().copyFailed;
    this.requestUpdate();
  };
}

customElements.define("duologue-own-code", OwnCode);
