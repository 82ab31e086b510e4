/** The name that others see. */
import { css, html, type TemplateResult } from "lit";
import { controls } from "../shared/theme";
import { cleanName } from "./naming";
import { t } from "./texts";
import { View, words } from "./view";

export class NameForm extends View {
  static override styles = [
    controls,
    words,
    css`
      :host {
        display: block;
      }
      label {
        display: block;
        margin-block-end: 4px;
        font-weight: 600;
      }
      .row {
        display: flex;
        gap: 8px;
      }
      input {
        flex: 1;
        min-width: 0;
      }
      p {
        margin-block: 4px 0;
      }
    `,
  ];

  protected override render(): TemplateResult {
    return html`<form @submit=${this.#save}>
      <label for="name">${t().whatOthersSee}</label>
      <div class="row">
        <input
          id="name"
          name="name"
          maxlength="64"
          autocomplete="nickname"
          dir="auto"
          placeholder=${t().yourName}
          aria-describedby="hint"
          .value=${this.model.client.name ?? ""}
        />
        <button>${t().save}</button>
      </div>
      <p id="hint" class="muted small">${t().nameHint}</p>
    </form>`;
  }

  readonly #save = async (event: SubmitEvent) => {
    event.preventDefault();
    const name = cleanName(this.find<HTMLInputElement>("input")?.value);
    if (await this.model.attempt(this.model.client.rename(name))) {
      this.model.tell(t().nameSaved);
    }
  };
}

customElements.define("duologue-name-form", NameForm);
