// Shows the chat with whom the form says, and lists what it tells.
const place = document.querySelector("#place");
const events = document.querySelector("#events");

document.querySelector("#setup").addEventListener("submit", (event) => {
  event.preventDefault();
  const whom = document.querySelector("#whom").value.trim();
  const chat = document.createElement("duologue-chat");
  // IDs are UUIDs, unless the server's operator gives them
  chat.setAttribute(whom.length >= 32 ? "peer" : "invite", whom);
  place.replaceChildren(chat);
});

for (const name of ["duologue-status", "duologue-link", "duologue-message"]) {
  place.addEventListener(name, ({ detail }) => {
    const line = document.createElement("li");
    // What a peer wrote is text, and nothing else
    line.textContent = `${name} ${JSON.stringify(detail)}`;
    events.prepend(line);
  });
}
