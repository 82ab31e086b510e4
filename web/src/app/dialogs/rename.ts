/** Gives somebody a name that only the person sees. */
import { html, type TemplateResult } from "lit";
import type { Model } from "../model";
import { cleanName } from "../naming";
import { Modal } from "./modal";
import { t } from "./texts";

export class Rename extends Modal {
  readonly #peer: string;

  constructor(model: Model, peer: string) {
    super(model);
    this.#peer = peer;
  }

  protected override heading(): string {
    return t().renameHeading;
  }

  protected override body(): TemplateResult {
    const own = this.model.ownNameOf(this.#peer);
    return html`<form @submit=${this.#save}>
      <div>
        <label for="name">${t().nameForMe}</label>
        <input
          id="name"
          autofocus
          autocomplete="off"
          dir="auto"
          maxlength="64"
          aria-describedby="hint"
          placeholder=${own ?? ""}
          value=${this.model.kept.names.get(this.#peer) ?? own ?? ""}
        />
        <p id="hint" class="muted small">${t().renameHint}</p>
      </div>
      <div class="actions">
        <button type="button" @click=${this.close}>${t().cancel}</button>
        <button class="primary">${t().save}</button>
      </div>
    </form>`;
  }

  readonly #save = async (event: SubmitEvent) => {
    event.preventDefault();
    const name = cleanName(this.find<HTMLInputElement>("input")?.value);
    const own = this.model.ownNameOf(this.#peer);
    await this.model.kept.setName(this.#peer, name === own ? null : name);
    this.close();
  };
}

customElements.define("duologue-rename", Rename);
