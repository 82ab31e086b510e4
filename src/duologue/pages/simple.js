// The smallest whole client: connect, ask, agree, talk. Read it, copy it.
// Whatever others wrote is put into the page by textContent, so that it stays text.
"use strict";

const $ = (id) => document.getElementById(id);
const socket = io({ auth: (give) => give({ name: $("name").value || null }) });

let clientId = null;
const requests = new Map(); // ID of the other -> {name, note, mine}
const links = new Map(); // ID of the other -> {name, online}

// The server: what it tells

socket.on("connect", () => showStatus("Connected to the WebSocket server", "on"));
socket.on("disconnect", () => showStatus("Disconnected from the WebSocket server", "off"));
socket.on("connect_error", (error) => {
  console.error("WebSocket error:", error.message);
  showStatus("Error occurred. Check console for details.", "off");
  if (error.data?.code) showError(error.message);
});

socket.on("client_id", (data) => {
  // A new ID is a new identity: what the old one had is gone
  clientId = data.clientId;
  $("client-id").textContent = `Client ID: ${clientId}`;
  $("copy").disabled = false;
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
socket.on("refused", (refusal) => showError(refusal.error));

// The server: what it is asked. Every question gets an answer, if only that none came.

function ask(event, payload, answered) {
  socket.timeout(10000).emit(event, payload, (timedOut, answer) => {
    const failed = timedOut ? "The server did not answer." : answer.error;
    if (failed) showError(failed);
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
  const item = showMessage("sent", `To ${target}`, content);
  const state = item.appendChild(make("small", "", "sending"));
  $("message-content").value = "";
  ask("message", { targetClientId: target, from: clientId, message: content, id }, (failed, answer) => {
    item.classList.toggle("refused", Boolean(failed));
    state.textContent = failed ? `not sent: ${failed}` : answer.status;
  });
});

$("name").addEventListener("change", () => {
  // A name goes with a connection: take a new one, but only while there is nothing to lose
  if (links.size || requests.size) return showError("Your new name will be used when you next connect.");
  socket.disconnect().connect();
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

function showError(text) {
  $("error-text").textContent = text;
  $("error").hidden = false;
}

function asText(content) {
  if (typeof content === "string") return content;
  if (content instanceof ArrayBuffer) return `${content.byteLength} bytes`;
  return JSON.stringify(content);
}

function showMessage(kind, who, content) {
  const item = make("li", `message ${kind}`);
  item.append(make("small", "", `${who}: `), make("span", "text", asText(content)));
  $("messages-list").append(item);
  item.scrollIntoView({ block: "nearest" });
  return item;
}

function showLists() {
  // Redrawn whole; whoever was on a button that is still there stays on it
  const focused = document.activeElement?.getAttribute("aria-label");
  $("requests-list").replaceChildren(...[...requests].map(requestEntry));
  $("links-list").replaceChildren(...[...links].map(linkEntry));
  if (focused && document.activeElement === document.body) {
    document.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  }
}

function requestEntry([peer, { name, note, mine }]) {
  const item = make("li", "entry");
  item.append(make("strong", "", name || (mine ? "You asked" : "Somebody asks")), make("small", "", peer));
  if (note) item.append(make("div", "text", note));
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
  item.append(make("strong", "", name || "No name"), make("small", "", `${online ? "online" : "offline"} · ${peer}`));
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
