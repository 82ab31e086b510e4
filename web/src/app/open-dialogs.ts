/** Opens dialogs; their code is loaded when the first of its kind is. */
import type { Confirmation } from "./dialogs/confirm";
import type { Model } from "./model";

/** Ask to connect, with what is known of whom. */
export function askSomebody(model: Model, address = ""): Promise<void> {
  return model.present(async () => {
    const { Contact } = await import("./dialogs/contact");
    return new Contact(model, address);
  });
}

/** Take up an invitation. */
export function redeem(model: Model, code: string): Promise<void> {
  return model.present(async () => {
    const { Redeem } = await import("./dialogs/redeem");
    return new Redeem(model, code);
  });
}

export function openSettings(model: Model): Promise<void> {
  return model.present(async () => {
    const { SettingsDialog } = await import("./dialogs/settings");
    return new SettingsDialog(model);
  });
}

/** Do something only after it has been said what it means. */
export function confirm(model: Model, confirmation: Confirmation): Promise<void> {
  return model.present(async () => {
    const { Confirm } = await import("./dialogs/confirm");
    return new Confirm(model, confirmation);
  });
}

/** Ask before blocking somebody. */
export function confirmBlock(model: Model, peer: string): Promise<void> {
  return model.present(async () => {
    const { blocking } = await import("./dialogs/confirm");
    return blocking(model, peer);
  });
}

/** Ask before a conversation is closed, or removed after it has ended. */
export function confirmEnd(model: Model, peer: string): Promise<void> {
  return model.present(async () => {
    const { closing } = await import("./dialogs/confirm");
    return closing(model, peer);
  });
}

/** Ask before somebody else is signed in than is here. */
export function confirmSignIn(model: Model, token: string): Promise<void> {
  return model.present(async () => {
    const { signingIn } = await import("./dialogs/confirm");
    return signingIn(model, token);
  });
}

export function confirmSignOut(model: Model): Promise<void> {
  return model.present(async () => {
    const { signingOut } = await import("./dialogs/confirm");
    return signingOut(model);
  });
}

export function renameForMe(model: Model, peer: string): Promise<void> {
  return model.present(async () => {
    const { Rename } = await import("./dialogs/rename");
    return new Rename(model, peer);
  });
}
