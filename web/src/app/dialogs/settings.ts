/** What the person can set, and the way to forget everything. */
import { css, html, nothing, type TemplateResult } from "lit";
import "../name-form";
import { confirmSignOut } from "../open-dialogs";
import { Modal } from "./modal";
import { t } from "./texts";

const LANGUAGE_NAMES = { en: "English", de: "Deutsch" } as const;

export class SettingsDialog extends Modal {
  static override styles = [
    Modal.styles,
    css`
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
        padding-block-start: 16px;
        border-block-start: 1px solid var(--d-line);
      }
      h3 {
        margin: 0;
        font-size: 1rem;
      }
      .switch {
        display: flex;
        align-items: center;
        gap: 12px;
        min-height: 44px;
        margin: 0;
        font-weight: 400;
      }
      .switch input {
        flex: none;
        width: 24px;
        height: 24px;
        min-height: 0;
        accent-color: var(--d-accent);
      }
      ul {
        display: grid;
        gap: 8px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: 12px;
      }
      li .cut {
        flex: 1;
      }
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 6px 16px;
        margin: 0;
      }
      dt {
        font-weight: 600;
      }
      dd {
        margin: 0;
      }
      kbd {
        font: inherit;
      }
    `,
  ];

  #forgetting = false;
  #refused = false;

  protected override heading(): string {
    return t().settings;
  }

  protected override body(): TemplateResult {
    return html`
      <duologue-name-form .model=${this.model}></duologue-name-form>
      ${this.#notifications()} ${this.#language()} ${this.#blocked()} ${this.#keyboard()}
      ${this.model.signIn.token === null ? nothing : this.#signOut()} ${this.#forget()}
      <section>
        <h3>${t().about}</h3>
        <p class="muted small">${t().aboutText}</p>
      </section>
    `;
  }

  #notifications(): TemplateResult {
    const possible = "Notification" in globalThis;
    const denied = this.#refused || (possible && Notification.permission === "denied");
    const on = this.model.kept.settings.notify && possible && !denied;
    return html`<section>
      <h3>${t().notifications}</h3>
      <label class="switch">
        <input
          type="checkbox"
          .checked=${on}
          ?disabled=${!possible || denied}
          @change=${this.#notify}
        />
        ${t().notifyMe}
      </label>
      <p class="muted small" role="status">
        ${possible ? (denied ? t().notifyDenied : nothing) : t().notifyImpossible}
      </p>
    </section>`;
  }

  readonly #notify = async (event: Event) => {
    const wanted = (event.target as HTMLInputElement).checked;
    if (wanted && (await Notification.requestPermission()) !== "granted") {
      this.#refused = true;
      this.requestUpdate();
      return;
    }
    this.model.kept.set({ notify: wanted });
  };

  #language(): TemplateResult {
    const { language } = this.model.kept.settings;
    const choose = (event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      this.model.kept.set({ language: value === "en" || value === "de" ? value : "auto" });
    };
    return html`<section>
      <h3><label for="language">${t().language}</label></h3>
      <select id="language" @change=${choose}>
        <option value="auto" ?selected=${language === "auto"}>${t().languageAuto}</option>
        ${Object.entries(LANGUAGE_NAMES).map(
          ([tag, name]) =>
            html`<option value=${tag} lang=${tag} ?selected=${language === tag}>${name}</option>`,
        )}
      </select>
    </section>`;
  }

  #blocked(): TemplateResult {
    const { client } = this.model;
    return html`<section>
      <h3 tabindex="-1" id="blocked">${t().blockedPeople}</h3>
      ${
        client.blocked.size === 0
          ? html`<p class="muted small">${t().nobodyBlocked}</p>`
          : html`<ul aria-labelledby="blocked">
              ${[...client.blocked].map((peer) => this.#blockedOne(peer))}
            </ul>`
      }
      ${this.problem()}
    </section>`;
  }

  #blockedOne(peer: string): TemplateResult {
    const name = this.model.nameOf(peer);
    const unblock = async () => {
      if (await this.attempt(() => this.model.client.unblock(peer))) {
        await this.updateComplete;
        this.find("#blocked")?.focus();
      }
    };
    return html`<li>
      <span class="cut" title=${peer}><bdi>${name}</bdi></span>
      <button aria-label=${t().of(t().unblock, name)} @click=${unblock}>${t().unblock}</button>
    </li>`;
  }

  #keyboard(): TemplateResult {
    const shortcuts = [
      [t().keyList, t().keyListMeans],
      [t().keyStep, t().keyStepMeans],
      [t().keySend, t().keySendMeans],
      [t().keyLine, t().keyLineMeans],
      [t().keyEscape, t().keyEscapeMeans],
    ];
    return html`<section>
      <h3>${t().keyboard}</h3>
      <dl class="small">
        ${shortcuts.map(([keys, what]) => html`<dt><kbd>${keys}</kbd></dt><dd>${what}</dd>`)}
      </dl>
    </section>`;
  }

  #signOut(): TemplateResult {
    const ask = () => {
      this.close();
      void confirmSignOut(this.model);
    };
    return html`<section>
      <h3>${t().signOut}</h3>
      <p class="muted small">${t().signOutMeans}</p>
      <button @click=${ask}>${t().signOut}…</button>
    </section>`;
  }

  #forget(): TemplateResult {
    return html`<section>
      <h3>${t().forgetHeading}</h3>
      <p class="muted small">${t().forgetMeans}</p>
      ${
        this.#forgetting
          ? html`<p role="alert">${t().forgetSure}</p>
              <div class="actions">
                <button class="keep" @click=${this.#keepIt}>${t().cancel}</button>
                <button
                  class="danger primary"
                  aria-disabled=${this.busy}
                  @click=${this.#forgetEverything}
                >
                  ${t().forgetYes}
                </button>
              </div>`
          : html`<button class="danger forget" @click=${this.#askToForget}>
              ${t().forgetHeading}…
            </button>`
      }
    </section>`;
  }

  readonly #askToForget = () => this.#turn(true, ".keep");
  readonly #keepIt = () => this.#turn(false, ".forget");

  async #turn(forgetting: boolean, focus: string): Promise<void> {
    this.#forgetting = forgetting;
    this.requestUpdate();
    await this.updateComplete;
    this.find(focus)?.focus();
  }

  readonly #forgetEverything = async () => {
    if (await this.attempt(() => this.model.client.forget())) {
      this.close();
    }
  };
}

customElements.define("duologue-settings", SettingsDialog);
