/** What is shown while no conversation is: at the first visit, how to get to one. */
import { css, html, nothing, type TemplateResult } from "lit";
import { controls } from "../shared/theme";
import { icons } from "./icons";
import "./identity";
import "./name-form";
import { askSomebody } from "./open-dialogs";
import { signInTexts } from "./problems";
import { t } from "./texts";
import { View, words } from "./view";

export class Welcome extends View {
  static override styles = [
    controls,
    words,
    css`
      :host {
        display: grid;
        align-content: safe center;
        justify-items: center;
        min-height: 100%;
        padding: 24px 16px;
      }
      .welcome {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 20px;
        width: min(100%, 34em);
      }
      h2 {
        margin: 0;
        font-size: 1.625rem;
        line-height: 1.2;
        letter-spacing: -0.01em;
        text-wrap: balance;
      }
      p {
        margin: 0;
      }
      .logo {
        color: var(--d-accent);
      }
      .logo svg {
        width: 56px;
        height: 56px;
      }
      .ask {
        display: inline-flex;
        align-items: center;
        justify-content: center;
        gap: 8px;
        min-height: 48px;
      }
      .choose {
        display: grid;
        justify-items: center;
        gap: 16px;
        text-align: center;
      }
      .how {
        max-width: 28em;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const ask = html`<button class="primary ask" @click=${() => askSomebody(this.model)}>
      ${icons.person()}${t().askSomebody}
    </button>`;
    if (!this.model.alone) {
      return html`<div class="choose">
        <div class="logo">${icons.logo()}</div>
        <p class="muted">${t().choose}</p>
        ${ask}
      </div>`;
    }
    const { want } = this.model;
    if (want !== null) {
      const link = this.model.signInLink;
      const { what, how } = signInTexts(want, link !== null);
      return html`<div class="choose">
        <div class="logo">${icons.logo()}</div>
        <h2>${what}</h2>
        <p class="how">${how}</p>
        ${link === null ? nothing : html`<a class="button primary ask" href=${link}>${t().signIn}</a>`}
      </div>`;
    }
    const kept = this.model.signIn.token === null ? t().noSignUp : t().signedIn;
    return html`<div class="welcome">
      <div class="logo">${icons.logo()}</div>
      <h2>${t().welcome}</h2>
      <p>${t().explain}</p>
      <duologue-identity .model=${this.model}></duologue-identity>
      ${ask}
      <duologue-name-form .model=${this.model}></duologue-name-form>
      <p class="muted small">${this.model.lasting ? kept : t().notLasting}</p>
    </div>`;
  }
}

customElements.define("duologue-welcome", Welcome);
