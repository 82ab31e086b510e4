/** What the page says at first, in English; dialogs have their own texts. */
import type { ErrorCode } from "../client/api";
import { catalogue } from "../shared/i18n";

const reasons: Readonly<Record<ErrorCode, string>> = {
  not_found: "Nobody has this ID at the moment.",
  not_linked: "You are not connected with this person.",
  no_request: "This request is no longer there.",
  blocked: "You have blocked this person.",
  from_mismatch: "The server did not accept this.",
  invalid: "The server did not accept this.",
  too_large: "This is larger than the server takes.",
  rate_limited: "That was too often.",
  unauthorized: "The server does not allow this.",
  expired: "Its time is over.",
  overloaded: "There are too many of these already.",
  unavailable: "That does not work without a connection to the server.",
};

const english = {
  skipToConversation: "Skip to the conversation",
  people: "People and requests",
  newContact: "New contact",
  settings: "Settings",
  dismiss: "Dismiss",
  open: "Open",
  cancel: "Cancel",

  welcome: "Talk with one person, in private",
  explain:
    "Nobody can write to you before you have said yes. Give your ID or an invitation to the person you want to talk with, or ask them.",
  noSignUp: "There is nothing to sign up for: this browser keeps your ID.",
  notLasting:
    "There is nothing to sign up for. This browser keeps nothing: your ID lasts as long as this page is open.",
  choose: "Choose a conversation, or find somebody new.",
  yourId: "Your ID",
  idComing: "Your ID comes with the first connection.",
  copyId: "Copy ID",
  idCopied: "Your ID has been copied",
  copyFailed: "The browser does not let this page copy. Select the text and copy it yourself.",
  showQr: "Show QR code",
  inviteByLink: "Invite by link",
  askSomebody: "Ask somebody to connect",
  yourName: "Your name",
  whatOthersSee: "What should others see?",
  nameHint: "If you like. Those you ask and talk with see it.",
  save: "Save",
  nameSaved: "Your name has been saved",

  requests: (count: number) => `Requests (${count})`,
  requestEnds: (when: string) => `ends ${when}`,
  accept: "Accept",
  decline: "Decline",
  block: "Block",
  of: (action: string, name: string) => `${action}: ${name}`,
  showMore: (count: number) => `Show ${count} more`,
  asked: (count: number) => `Waiting for an answer (${count})`,
  hasDeclined: (name: string) => `You have declined ${name}`,
  hasCancelled: (name: string) => `Your request to ${name} has been cancelled`,

  conversations: "Conversations",
  noConversations: "No conversations yet",
  draft: (text: string) => `Draft: ${text}`,
  you: (text: string) => `You: ${text}`,
  file: (name: string) => `File: ${name}`,
  typing: "typing…",
  ended: "ended",
  blocked: "blocked",
  online: "online",
  offline: "offline",
  unread: (count: number) => (count === 1 ? "1 unread message" : `${count} unread messages`),
  noMessages: "No messages yet",
  otherContent: "Message of another application",

  yesterday: "Yesterday",
  seenJustNow: "last seen just now",
  seenToday: (time: string) => `last seen today at ${time}`,
  seenYesterday: (time: string) => `last seen yesterday at ${time}`,
  seenOn: (day: string) => `last seen on ${day}`,

  back: "Back to the list",
  menu: (name: string) => `Actions for ${name}`,
  rename: "Rename for me",
  copyTheirId: "Copy ID",
  theirIdCopied: "The ID has been copied",
  exportJson: "Export as JSON",
  exportText: "Export as text",
  exporting: "Preparing the export…",
  closeLink: "Close conversation",
  remove: "Remove conversation",
  unblock: "Unblock",
  loadingConversation: "Loading the conversation",
  unknownPeer: "There is no conversation with this ID.",

  connecting: "Connecting…",
  netOffline: "You are offline. What you write is sent when you are back.",
  notConnected: "Not connected.",
  retryIn: (seconds: number) => `Trying again in ${seconds} s.`,
  tryingAgain: "Trying again…",
  tryNow: "Try now",
  draining:
    "The server is about to restart. The connection comes back without your doing anything.",
  refused: (reason: string) => `The server does not let you in. ${reason}`,

  signIn: "Sign in",
  signInBack: "You come back here afterwards.",
  signInOverBack: "Sign in again, and what you have written is sent.",
  signInNeeded: "Sign in to use this messenger.",
  signInNeededHow:
    "It is for people who are known at another site. Sign in there, and open the messenger from there.",
  signInWrong: "Your sign-in does not count here.",
  signInWrongHow:
    "The link that you came with is not one for this server. Open the messenger again from the site where you sign in.",
  signInOver: "You have been signed out.",
  signInOverHow:
    "Open the messenger again from the site where you sign in. What you have written is sent then.",
  signedIn: "You are signed in by another site. What you write and read is kept in this browser.",

  forgottenTitle: "Everything has been deleted",
  forgottenText:
    "Your ID, your conversations and your settings are gone, here and at the server. You can start anew with a new ID.",
  startAnew: "Start anew",

  reason: (code: ErrorCode) => reasons[code],
  later: (when: string) => `Try again ${when}.`,
  failed: "Something went wrong here. Reload the page and try again.",
  oldIdExpired: "Your old ID had expired. You have a new one.",
  nowAnother: (id: string) => `You are signed in as ${id} now.`,
  newVersion: "A part of this page could not be loaded. Reload the page.",

  wantsToTalk: (name: string) => `${name} wants to talk with you`,
  connectedWith: (name: string) => `You are connected with ${name}`,
  declinedYou: (name: string) => `${name} has declined your request`,
  cancelledTheirs: (name: string) => `${name} has withdrawn the request`,
  closedByThem: (name: string) => `${name} has ended the conversation`,
  requestExpired: (name: string) => `The request between you and ${name} has expired`,
  crowded: "Somebody tried an invitation of yours that had been used up",
  newMessage: "New message",
};

export const t = catalogue(english, { de: () => import("./texts.de") });
export type English = typeof english;
