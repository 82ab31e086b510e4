/** Asks whether something is really to be done, and says what it means. */
import { html, type TemplateResult } from "lit";
import { subjectOf } from "../../client";
import { viewOf } from "../address";
import type { Model } from "../model";
import { shortId } from "../naming";
import { Modal } from "./modal";
import { t } from "./texts";

export interface Confirmation {
  readonly heading: string;
  readonly text: string;
  readonly action: string;
  readonly act: () => Promise<unknown>;
}

export class Confirm extends Modal {
  readonly #confirmation: Confirmation;

  constructor(model: Model, confirmation: Confirmation) {
    super(model);
    this.#confirmation = confirmation;
  }

  protected override heading(): string {
    return this.#confirmation.heading;
  }

  protected override body(): TemplateResult {
    const { text, action } = this.#confirmation;
    return html`
      <p dir="auto">${text}</p>
      ${this.problem()}
      <div class="actions">
        <button autofocus @click=${this.close}>${t().cancel}</button>
        <button class="danger primary" aria-disabled=${this.busy} @click=${this.#act}>${action}</button>
      </div>
    `;
  }

  readonly #act = async () => {
    if (await this.attempt(this.#confirmation.act)) {
      this.close();
    }
  };
}

customElements.define("duologue-confirm", Confirm);

/** Block somebody, and be told what that is. */
export function blocking(model: Model, peer: string): Confirm {
  const name = model.nameOf(peer);
  return new Confirm(model, {
    heading: t().blockWhom(name),
    text: t().blockMeans,
    action: t().block,
    act: async () => {
      const called = model.nameOf(peer);
      await model.client.block(peer);
      if (model.client.links.get(peer)?.last === null) {
        await model.client.remove(peer); // there is nothing to read
      }
      // By which to know them again among those who are blocked
      await model.kept.setName(peer, called);
      leave(model, peer);
    },
  });
}

/** Close a conversation, or remove one that has ended. */
export function closing(model: Model, peer: string): Confirm {
  const name = model.nameOf(peer);
  const ended = model.client.links.get(peer)?.ended ?? true;
  return new Confirm(model, {
    heading: ended ? t().removeWhom(name) : t().closeWhom(name),
    text: ended ? t().removeMeans : t().closeMeans,
    action: ended ? t().remove : t().closeLink,
    act: async () => {
      await (ended ? model.client.remove(peer) : model.client.closeLink(peer));
      model.kept.drop(peer);
      model.attached.delete(peer);
      leave(model, peer);
    },
  });
}

/** Become somebody else, whom a token names. */
export function signingIn(model: Model, token: string): Confirm {
  return new Confirm(model, {
    heading: t().signInAnother,
    text: t().signInMeans(
      shortId(model.client.id ?? subjectOf(model.signIn.token) ?? "?"),
      shortId(subjectOf(token) ?? "?"),
    ),
    action: t().signIn,
    act: async () => {
      await model.signIn.keep(token);
      history.replaceState(null, "", viewOf(null));
      location.reload();
    },
  });
}

/** Leave nothing here. */
export function signingOut(model: Model): Confirm {
  return new Confirm(model, {
    heading: t().signOutSure,
    text: t().signOutMeans,
    action: t().signOut,
    act: () => model.signOut(),
  });
}

function leave(model: Model, peer: string): void {
  if (model.peer === peer && (model.link === undefined || model.client.blocked.has(peer))) {
    model.open(null);
  }
}
