/** Asks somebody to connect: by ID, by a link, or by a code that the camera sees. */
import { css, html, nothing, type TemplateResult } from "lit";
import { readAddress } from "../address";
import type { Model } from "../model";
import { explain, isProblem } from "../problems";
import { whyNot } from "./invitations";
import { Modal } from "./modal";
import { canScan, Scanner } from "./scan";
import { t } from "./texts";

const LONGEST_NOTE = 200;

export class Contact extends Modal {
  static override styles = [
    Modal.styles,
    css`
      textarea {
        display: block;
        min-height: 5.5em;
        resize: vertical;
      }
      .count {
        text-align: end;
        font-variant-numeric: tabular-nums;
      }
      .scan {
        margin-block-start: 8px;
        width: 100%;
      }
      video {
        display: block;
        width: 100%;
        max-height: 34dvh;
        margin-block-start: 8px;
        border-radius: var(--d-radius-small);
        background: #000000;
      }
    `,
  ];

  readonly #given: string;
  #address: string;
  #note = "";
  #scanner: Scanner | null = null;

  constructor(model: Model, address: string) {
    super(model);
    this.#given = address;
    this.#address = address;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#scanner?.stop();
  }

  protected override heading(): string {
    return t().contactHeading;
  }

  protected override body(): TemplateResult {
    const invitation = readAddress(this.#address, location.href).kind === "invitation";
    return html`<form @submit=${this.#send} novalidate>
      <p class="muted">${t().contactExplain}</p>
      <div>
        <label for="address">${t().address}</label>
        <input
          id="address"
          ?autofocus=${this.#given === ""}
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          enterkeyhint="next"
          .value=${this.#address}
          @input=${this.#addressed}
        />
        ${this.#scan()}
      </div>
      ${invitation ? html`<p>${t().isInvitation}</p>` : this.#noteField()}
      ${this.problem()}
      <div class="actions">
        <button type="button" @click=${this.close}>${t().cancel}</button>
        <button class="primary" aria-disabled=${this.busy}>
          ${invitation ? t().connect : t().sendRequest}
        </button>
      </div>
    </form>`;
  }

  #noteField(): TemplateResult {
    return html`<div>
      <label for="note">${t().note}</label>
      <textarea
        id="note"
        ?autofocus=${this.#given !== ""}
        dir="auto"
        rows="3"
        maxlength=${LONGEST_NOTE}
        aria-describedby="count"
        .value=${this.#note}
        @input=${this.#noted}
      ></textarea>
      <p id="count" class="count muted small">
        ${t().noteCount([...this.#note].length, LONGEST_NOTE)}
      </p>
    </div>`;
  }

  #scan(): TemplateResult | typeof nothing {
    if (this.#scanner) {
      return html`${this.#scanner.video}
        <button type="button" class="scan" @click=${this.#stopScanning}>${t().stopScanning}</button>`;
    }
    return canScan()
      ? html`<button type="button" class="scan" @click=${this.#startScanning}>${t().scan}</button>`
      : nothing;
  }

  readonly #addressed = (event: InputEvent) => {
    this.#address = (event.target as HTMLInputElement).value;
    this.say(null);
  };

  readonly #noted = (event: InputEvent) => {
    this.#note = (event.target as HTMLTextAreaElement).value;
    this.requestUpdate();
  };

  readonly #startScanning = async () => {
    this.say(null);
    const scanner = new Scanner((text) => {
      if (readAddress(text, location.href).kind !== "unclear") {
        this.#address = text;
        this.#stopScanning();
        this.find("textarea, .primary")?.focus();
      }
    });
    this.#scanner = scanner;
    this.requestUpdate();
    try {
      await scanner.start();
    } catch {
      this.#stopScanning();
      this.say(t().noCamera);
    }
  };

  readonly #stopScanning = () => {
    this.#scanner?.stop();
    this.#scanner = null;
    this.requestUpdate();
  };

  readonly #send = async (event: SubmitEvent) => {
    event.preventDefault();
    const address = readAddress(this.#address, location.href);
    switch (address.kind) {
      case "empty":
        return this.#wrongAddress(t().addressMissing);
      case "unclear":
        return this.#wrongAddress(t().addressUnclear);
      case "elsewhere":
        return this.#wrongAddress(t().addressElsewhere(address.host));
      case "invitation":
        return this.#redeem(address.code);
      default:
        return this.#ask(address.id);
    }
  };

  #wrongAddress(text: string): void {
    this.say(text);
    this.find("#address")?.focus();
  }

  async #redeem(code: string): Promise<void> {
    let peer = "";
    const done = await this.attempt(async () => {
      peer = await this.model.client.redeem(code);
    });
    if (done) {
      this.#leaveFor(peer);
    }
  }

  async #ask(peer: string): Promise<void> {
    const { client } = this.model;
    if (peer === client.id) {
      return this.#wrongAddress(t().addressOwn);
    }
    const link = client.links.get(peer);
    if (link && !link.ended) {
      return this.#leaveFor(peer);
    }
    if (client.blocked.has(peer)) {
      return this.say(this.#blocked(peer));
    }
    let state = "";
    const note = this.#note.trim();
    const done = await this.attempt(async () => {
      state = await client.request(peer, note === "" ? undefined : note);
    });
    if (state === "linked") {
      this.#leaveFor(peer);
    } else if (done) {
      this.close();
      this.model.tell(t().requestSent(this.model.nameOf(peer)), { about: peer });
    }
  }

  #leaveFor(peer: string): void {
    this.close();
    this.model.open(peer);
  }

  protected override explain(thrown: unknown): TemplateResult | string {
    const address = readAddress(this.#address, location.href);
    if (address.kind === "invitation") {
      return whyNot(address.code, thrown) ?? explain(thrown);
    }
    if (address.kind === "peer" && isProblem(thrown) && thrown.code === "blocked") {
      return this.#blocked(address.id);
    }
    return explain(thrown);
  }

  #blocked(peer: string): TemplateResult {
    const unblock = async () => {
      if (await this.attempt(() => this.model.client.unblock(peer))) {
        await this.#ask(peer);
      }
    };
    return html`${t().youBlocked}<br /><button type="button" @click=${unblock}>${t().unblockAndAsk}</button>`;
  }
}

customElements.define("duologue-contact", Contact);
