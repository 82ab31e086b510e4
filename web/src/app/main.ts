/** The page's beginning. */
import { DuologueClient, IndexedDbStorage, openStorage } from "../client";
import { folder, readQuery } from "./address";
import { App } from "./app";
import { Model } from "./model";
import { Notifier } from "./notify";
import { askSomebody, redeem } from "./open-dialogs";
import { register } from "./worker";

async function start(): Promise<void> {
  const asked = readQuery(location.search);
  if (location.search !== "") {
    // A code must not stay in the history
    history.replaceState(history.state, "", folder(location.href) + location.hash);
  }
  const here = folder(location.href);
  const storage = await openStorage();
  const client = new DuologueClient({
    server: location.origin,
    path: new URL("socket.io/", here).pathname,
    storage,
  });
  const model = new Model(client, storage, storage instanceof IndexedDbStorage);
  const known = await storage.identity().catch(() => null);
  await model.start();
  new Notifier(model, known !== null).start();
  await model.connect();

  const app = new App();
  app.model = model;
  document.body.append(app);
  await app.updateComplete;

  if (asked.kind === "invitation") {
    void redeem(model, asked.code);
  } else if (asked.kind === "peer") {
    void askSomebody(model, asked.id);
  }
  register(here);
}

void start();
