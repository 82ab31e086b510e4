/** What the widget says, in English. */
import { catalogue } from "../shared/i18n";

const english = {
  chat: "Chat",
  chatWith: (name: string) => `Chat with ${name}`,
  somebody: "this contact",
  connecting: "Connecting…",
  offline: "You are offline. What you write is sent when you are back.",
  waiting: "No connection. Trying again…",
  draining: "The server is restarting.",
  online: "Online",
  away: "Away",
  lastSeen: (when: string) => `Last seen ${when}`,

  ask: "Ask to talk",
  askTitle: (name: string) => `Ask ${name} to talk with you`,
  askHint: "Nobody sees more of you than your note until the other side agrees.",
  note: "Note (optional)",
  asking: "Asking…",
  pending: "Your request is waiting for an answer.",
  cancel: "Take the request back",
  declined: "Your request was declined.",
  expired: "Nobody answered your request in time.",
  askLater: (seconds: number) =>
    seconds === 1 ? "You can ask again in 1 second." : `You can ask again in ${seconds} seconds.`,

  asksYou: (name: string) => `${name} asks to talk with you.`,
  accept: "Accept",
  decline: "Decline",

  startTitle: (name: string) => `Talk with ${name}`,
  startHint: "You have been invited. When you start, the two of you can write to each other.",
  start: "Start talking",
  starting: "Starting…",
  invitationOver: "This invitation is wrong, or it is over. Ask for a new one.",

  refused: "The server does not let this page in.",
  signIn: "You have to be signed in to talk here.",
  signInOver: "Your sign-in has ended. Sign in again, or reload this page.",
  misplaced: "This chat is not set up: the address of its server is wrong.",
  unset: "This chat is not set up: it needs a peer or an invitation.",
  failed: (reason: string) => `That did not work. ${reason}`,
  tryAgain: "Try again",

  end: "End conversation",
  endQuestion: "End this conversation? What was said is deleted here.",
  endYes: "End it",
  endNo: "Keep it",
};

export const t = catalogue(english, { de: () => import("./texts.de") });
export type English = typeof english;
