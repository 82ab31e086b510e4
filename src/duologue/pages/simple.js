// The smallest whole client: connect, ask, agree, talk. Read it, copy it.
// Whatever others wrote is put into the page by textContent, so that it stays text.
"use strict";

const $ = (id) => document.getElementById(id);
// The server may be mounted below another path, as this page is
const path = new URL("socket.io/", location.href).pathname;
// Who has signed in elsewhere comes with a token, which must not stay in the address
const token = /^#token=([\w.~%+/=-]+)/.exec(location.hash)?.[1];
if (token) history.replaceState(null, "", location.pathname + location.search);
const auth = (give) => give({ name: $("name").value || null, token });
const socket = io({ path, auth });

let clientId = null;
const requests = new Map(); // ID of the other -> {name, note, mine}
const links = new Map(); // ID of the other -> {name, online}

// The server: what it tells

socket.on("connect", () => showStatus("Connected to the WebSocket server", "on"));
socket.on("disconnect", () => showStatus("Disconnected from the WebSocket server", "off"));
socket.on("connect_error", (error) => {
  console.error("WebSocket error:", error.message);
  const code = error.data?.code;
  showStatus(code ? "Not connected" : "Error occurred. Check console for details.", "off");
  if (lacks[code]) showSignIn(code);
  else if (code) showError(error.message);
});

socket.on("client_id", (data) => {
  // A new ID is a new identity: what the old one had is gone
  clientId = data.clientId;
  $("client-id").textContent = `Client ID: ${clientId}`;
  $("copy").disabled = false;
  $("sign-in").hidden = true;
  $("error").hidden = true;
  requests.clear();
  links.clear();
  showLists();
});

socket.on("links", (data) => {
  for (const link of data.links) links.set(link.peer, link);
  for (const { from, name, note } of data.requests) requests.set(from, { name, note });
  for (const { to, note } of data.requested) requests.set(to, { note, mine: true });
  showLists();
});

socket.on("link_requested", ({ from, name, note }) => {
  requests.set(from, { name, note });
  showLists();
});
socket.on("link_established", ({ peer, name }) => {
  requests.delete(peer);
  links.set(peer, { name, online: true });
  $("target-client-id").value ||= peer;
  showLists();
});
socket.on("presence", ({ clientId: peer, online }) => {
  if (links.has(peer)) links.get(peer).online = online;
  showLists();
});

const endings = {
  link_declined: (peer) => `${peer} declined your request.`,
  link_cancelled: () => null,
  link_expired: (peer) => `The request between you and ${peer} has expired.`,
  link_closed: (peer) => `${peer} closed the link, or is gone.`,
};
for (const [event, say] of Object.entries(endings)) {
  socket.on(event, ({ peer }) => {
    requests.delete(peer);
    links.delete(peer);
    showLists();
    if (say(peer)) showError(say(peer));
  });
}

socket.on("message", (message) => {
  if (message.error) showError(message.error);
  else if (message.to) showMessage("sent", `To ${message.to}`, message.content);
  else showMessage("received", `From ${message.from}`, message.content);
});
socket.on("refused", (refusal) => {
  if (refusal.event === "token" && lacks[refusal.code]) showSignIn(refusal.code);
  else showError(refusal.error);
});
socket.on("draining", () => showError("The server is stopping; this page will connect again."));

// The server: what it is asked. Every question gets an answer, if only that none came.

function ask(event, payload, answered) {
  socket.timeout(10000).emit(event, payload, (timedOut, answer) => {
    const failed = timedOut ? "The server did not answer." : answer.error;
    if (failed) showError(failed);
    else $("error").hidden = true;
    answered?.(failed, answer);
  });
}

function act(event, peer, then) {
  ask(event, { targetClientId: peer }, (failed) => {
    if (failed) return;
    then?.();
    showLists();
  });
}

$("connect").addEventListener("click", () => {
  const field = $("target-client-id");
  const peer = field.value.trim();
  const note = $("note").value || undefined;
  if (!peer) {
    field.focus();
    return showError("Enter the client ID that you want to connect to.");
  }
  ask("link_request", { targetClientId: peer, note }, (failed, answer) => {
    if (failed || answer.state !== "requested") return;
    requests.set(peer, { note, mine: true });
    $("note").value = "";
    showLists();
  });
});

$("message-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const target = $("target-client-id").value.trim();
  const content = $("message-content").value;
  // An ID makes it safe for the server to get the same message twice
  const id = crypto.randomUUID?.();
  const item = showMessage("sent", `To ${target}`, content, "sending");
  $("message-content").value = "";
  const message = { targetClientId: target, from: clientId, message: content, id };
  ask("message", message, (failed, answer) => {
    item.classList.toggle("refused", Boolean(failed));
    // Without an answer nobody knows, and to say "not sent" would be a guess
    const refused = answer ? "not sent" : "perhaps not sent";
    item.lastChild.textContent = failed ? `${refused}: ${failed}` : answer.status;
    showLatest();
  });
});

$("target-client-id").addEventListener("input", showLists);

$("name").addEventListener("change", () => {
  // A name goes with a connection: take a new one, but only while there is nothing to lose
  if (links.size || requests.size) showError("Your new name is used when you next connect.");
  else socket.disconnect().connect();
});

$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(clientId);
    $("copy").textContent = "Copied";
  } catch {
    showError("The browser did not allow copying; select the ID and copy it.");
  }
  setTimeout(() => { $("copy").textContent = "Copy ID"; }, 1500);
});

$("error-close").addEventListener("click", () => { $("error").hidden = true; });

// The page

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function button(text, label, onClick, className) {
  const element = make("button", className, text);
  element.type = "button";
  element.setAttribute("aria-label", `${text}: ${label}`);
  element.addEventListener("click", onClick);
  return element;
}

function showStatus(text, state) {
  $("status").textContent = text;
  $("status").className = state;
}

const lacks = {
  unauthorized: token
    ? "Your sign-in does not count here."
    : "This server lets in only people who have signed in.",
  expired: "You have been signed out.",
};

// Where that is the server has put into the page; the way back goes with it
function showSignIn(code) {
  const leads = document.querySelector('meta[name="duologue-sign-in"]')?.content;
  const known = leads && URL.canParse(leads, location.href);
  const how = known ? "Sign in; you come back here." : "Come from the site where you sign in.";
  showError(`${lacks[code]} ${how}`);
  if (!known) return;
  const link = new URL(leads, location.href);
  link.searchParams.set("next", location.pathname.replace(/^\/+/, "/"));
  $("sign-in").href = link.href;
  $("sign-in").hidden = false;
}

function showError(text) {
  $("error-text").textContent = text;
  $("error").hidden = false;
}

// A message is a string as a rule, but may be any JSON value, with binary anywhere in it
function asText(content) {
  const sized = (_, value) => (value instanceof ArrayBuffer ? `${value.byteLength} bytes` : value);
  const plain = sized("", content);
  return typeof plain === "string" ? plain : JSON.stringify(plain, sized);
}

function showMessage(kind, who, content, state) {
  const item = make("li", `message ${kind}`);
  item.append(make("small", "", `${who}: `), make("span", "text", asText(content)));
  if (state) item.append(make("small", "", state));
  $("messages-list").append(item);
  $("messages-list").tabIndex = 0; // now there is something to scroll by keyboard
  showLatest();
  return item;
}

// In the list only: the page stays where its reader is
function showLatest() {
  $("messages-list").scrollTop = $("messages-list").scrollHeight;
}

function showLists() {
  // Redrawn whole; who was on a button stays on it, or in its section if the button is gone
  const label = document.activeElement?.getAttribute("aria-label");
  const section = document.activeElement?.closest("section");
  $("requests-list").replaceChildren(...[...requests].map(requestEntry));
  $("links-list").replaceChildren(...[...links].map(linkEntry));
  if (section && !section.contains(document.activeElement)) {
    const same = section.querySelector(`[aria-label="${CSS.escape(label)}"]`);
    (same ?? section).focus();
  }
}

function requestEntry([peer, { name, note, mine }]) {
  const item = make("li", "entry");
  const title = name || (mine ? "You asked" : "Somebody asks");
  item.append(make("strong", "", title), make("small", "", peer));
  if (note) item.append(make("div", "", note));
  const buttons = item.appendChild(make("div"));
  const remove = () => requests.delete(peer);
  if (mine) buttons.append(button("Cancel", peer, () => act("link_cancel", peer, remove)));
  else {
    buttons.append(
      button("Accept", peer, () => act("link_accept", peer), "main"),
      button("Decline", peer, () => act("link_decline", peer, remove)),
    );
  }
  return item;
}

function linkEntry([peer, { name, online }]) {
  const chosen = $("target-client-id").value.trim() === peer;
  const item = make("li", chosen ? "entry chosen" : "entry");
  const state = online ? "online" : "offline";
  if (chosen) item.setAttribute("aria-current", "true");
  item.append(make("strong", "", name || "No name"), make("small", state, `${state} · ${peer}`));
  item.appendChild(make("div")).append(
    button("Write", peer, () => {
      $("target-client-id").value = peer;
      showLists();
      $("message-content").focus();
    }),
    button("Close", peer, () => act("link_close", peer, () => links.delete(peer))),
  );
  return item;
}
