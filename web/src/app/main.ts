/** The page's beginning. */
import { DuologueClient, IndexedDbStorage } from "../client";
import { folder, readQuery, viewOf } from "./address";
import { App } from "./app";
import { Model } from "./model";
import { Notifier } from "./notify";
import { askSomebody, redeem } from "./open-dialogs";
import { SignIn, tokenIn } from "./sign-in";
import { register } from "./worker";

async function start(): Promise<void> {
  const asked = readQuery(location.search);
  const given = tokenIn(location.hash);
  const here = folder(location.href);
  if (location.search !== "" || given !== null) {
    // Neither a code nor a token may stay in the history
    history.replaceState(history.state, "", here + (given === null ? location.hash : ""));
  }
  const path = new URL("socket.io/", here).pathname;
  const signIn = await SignIn.find(path, given);
  const { storage, token } = signIn;
  const client = new DuologueClient({
    server: location.origin,
    path,
    storage,
    ...(token === null ? {} : { token }),
  });
  const model = new Model(client, signIn, storage instanceof IndexedDbStorage);
  // Before the model sees what is no view
  for (const event of ["popstate", "hashchange"]) {
    addEventListener(event, (news) => takeToken(model, news));
  }
  const known = await storage.identity().catch(() => null);
  await model.start();
  new Notifier(model, known !== null).start();
  await model.connect();

  const app = new App();
  app.model = model;
  document.body.append(app);
  await app.updateComplete;

  if (signIn.offered !== null) {
    void model.take(signIn.offered);
  } else if (asked.kind === "invitation") {
    void redeem(model, asked.code);
  } else if (asked.kind === "peer") {
    void askSomebody(model, asked.id);
  }
  register(here);
}

/** A link with a token has been opened where the page already is. */
function takeToken(model: Model, news: Event): void {
  const token = tokenIn(location.hash);
  if (token !== null) {
    news.stopImmediatePropagation();
    history.replaceState(null, "", viewOf(model.peer));
    void model.take(token);
  }
}

void start();
