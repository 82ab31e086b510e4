/** What all parts of the application are made from. */
import { type CSSResultGroup, css, LitElement, type PropertyDeclarations } from "lit";
import { controls } from "../shared/theme";
import type { Model } from "./model";

/** An element that shows the application's state, and shows it anew when that changes. */
export abstract class View extends LitElement {
  static override properties: PropertyDeclarations = { model: { attribute: false } };
  static override styles: CSSResultGroup = controls;

  declare model: Model;
  #unwatch: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unwatch = this.model.watch(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unwatch?.();
  }

  /** An element of this one's own, by its selector. */
  protected find<E extends HTMLElement>(selector: string): E | null {
    return this.renderRoot.querySelector<E>(selector);
  }
}

/** Names and IDs: cut where they do not fit, in the direction that they are written in. */
export const words = css`
  .cut {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .id {
    font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace;
    font-size: 0.8125rem;
    overflow-wrap: anywhere;
    user-select: all;
  }
  .muted {
    color: var(--d-muted);
  }
  .small {
    font-size: 0.875rem;
  }
`;
