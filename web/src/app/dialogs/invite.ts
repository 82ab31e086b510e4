/** An invitation: consent given in advance to whoever has its link. */
import { html, nothing, type TemplateResult } from "lit";
import type { Invitation } from "../../client/api";
import { invitationLink } from "../address";
import type { Model } from "../model";
import { until } from "../times";
import { Modal } from "./modal";
import { share, sharing } from "./share";
import { t } from "./texts";

export class Invite extends Modal {
  static override styles = [Modal.styles, sharing];

  #invitation: Invitation | null = null;
  #said = "";
  /** Who has come while the invitation was shown. */
  #came: string | null = null;
  #stop: (() => void) | undefined;

  constructor(model: Model) {
    super(model);
    void this.#make();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = this.model.client.on("happening", ({ kind, peer }) => {
      if (kind === "established") {
        this.#came = peer;
        this.requestUpdate();
      }
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.();
  }

  protected override heading(): string {
    return t().inviteHeading;
  }

  protected override body(): TemplateResult {
    const invitation = this.#invitation;
    if (!invitation) {
      return html`
        ${this.busy ? html`<p role="status">${t().inviteMaking}</p>` : nothing} ${this.problem()}
        <div class="actions">
          ${this.busy ? nothing : html`<button class="primary" @click=${this.#make}>${t().tryAgain}</button>`}
        </div>
      `;
    }
    return html`
      <p class="muted">${t().inviteExplain(until(invitation.expiresAt, this.model.now))}</p>
      <div role="status">${this.#status()}</div>
      ${share(this.model, invitationLink(invitation.url, location.href), t().inviteCode, this.#copied)}
      ${this.problem()}
      <div class="actions">
        <button class="danger quiet" aria-disabled=${this.busy} @click=${this.#revoke}>
          ${t().revoke}
        </button>
      </div>
    `;
  }

  #status(): TemplateResult | typeof nothing {
    const peer = this.#came;
    if (peer !== null) {
      const open = () => {
        this.close();
        this.model.open(peer);
      };
      return html`<p><bdi>${this.model.nameOf(peer)}</bdi> ${t().hasCome}</p>
        <div class="actions">
          <button class="primary" @click=${open}>${t().openConversation}</button>
        </div>`;
    }
    return this.#said === "" ? nothing : html`<p class="muted small">${this.#said}</p>`;
  }

  readonly #make = async () => {
    await this.attempt(async () => {
      this.#invitation = await this.model.client.invite();
    });
    await this.updateComplete;
    this.find("[autofocus]")?.focus();
  };

  readonly #copied = (worked: boolean) => {
    this.#said = worked ? t().linkCopied : t().copyFailed;
    this.requestUpdate();
  };

  readonly #revoke = async () => {
    const code = this.#invitation?.code ?? "";
    if (await this.attempt(() => this.model.client.revoke(code))) {
      this.close();
      this.model.tell(t().revoked);
    }
  };
}

customElements.define("duologue-invite", Invite);
