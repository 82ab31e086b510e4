/** What dialogs say, in English. */
import { catalogue } from "../../shared/i18n";

const english = {
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  connect: "Connect",
  notNow: "Not now",
  tryAgain: "Try again",
  of: (action: string, name: string) => `${action}: ${name}`,

  contactHeading: "Ask somebody to connect",
  contactExplain: "They see your name and your note, and nothing else until they agree.",
  address: "ID or link",
  addressMissing: "Put in the ID or the link of the person you want to talk with.",
  addressUnclear: "This is neither an ID nor a link of this server.",
  addressElsewhere: (host: string) =>
    `This link leads to another server, ${host}. Open it in your browser instead.`,
  addressOwn: "This is your own ID.",
  isInvitation: "This is an invitation: you will be connected at once.",
  note: "Note (optional)",
  noteCount: (count: number, most: number) => `${count} of ${most} characters`,
  sendRequest: "Send request",
  requestSent: (name: string) => `Your request to ${name} has been sent`,
  scan: "Scan a QR code",
  stopScanning: "Stop the camera",
  noCamera: "The camera cannot be used.",
  youBlocked: "You have blocked this person. To talk with them, unblock them first.",
  unblockAndAsk: "Unblock and ask",

  ownCodeHeading: "Your QR code",
  ownCodeExplain: "Whoever scans this or opens the link can ask you to connect.",
  ownCode: "QR code with a link to your ID",
  copyLink: "Copy link",
  linkCopied: "The link has been copied",
  copyFailed: "The browser does not let this page copy. Select the text and copy it yourself.",
  share: "Share…",

  inviteHeading: "Invite by link",
  inviteMaking: "Making an invitation…",
  inviteExplain: (ends: string) =>
    `The first person to open this link is connected with you at once, without asking. It ends ${ends}.`,
  inviteCode: "QR code with the invitation",
  revoke: "Take the invitation back",
  revoked: "The invitation no longer works",
  hasCome: "is connected with you now.",
  openConversation: "Open the conversation",

  redeemHeading: "You have an invitation",
  redeemAsk: "Connect with the person who sent you this invitation?",
  redeemMeans: "You can then write to each other. Either of you can end that at any time.",
  invitationOwn: "This is your own invitation. Send its link to the person you want to talk with.",
  invitationOver: "This invitation is wrong, has been used, or is over. Ask for a new one.",

  block: "Block",
  blockWhom: (name: string) => `Block ${name}?`,
  blockMeans:
    "They can no longer reach you, and are not told why. A conversation with them ends; you can read what was said until you remove it. You can unblock them in the settings.",
  closeLink: "Close conversation",
  closeWhom: (name: string) => `Close the conversation with ${name}?`,
  closeMeans:
    "Neither of you can write any more, and what was said is deleted here. To talk again one of you has to ask.",
  remove: "Remove conversation",
  removeWhom: (name: string) => `Remove the conversation with ${name}?`,
  removeMeans: "What was said is deleted here.",

  renameHeading: "Rename for me",
  nameForMe: "Name",
  renameHint: "Only you see this name. Leave it empty for the name that they give themselves.",

  settings: "Settings",
  notifications: "Notifications",
  notifyMe: "Notify me of messages and requests while I do not see this page",
  notifyDenied: "The browser does not allow it. You can change that in its settings for this page.",
  notifyImpossible: "This browser cannot show notifications.",
  language: "Language",
  languageAuto: "As in the browser",
  blockedPeople: "Blocked people",
  nobodyBlocked: "You have blocked nobody.",
  unblock: "Unblock",
  keyboard: "Keyboard",
  keyList: "↑ ↓",
  keyListMeans: "Move in the list of conversations",
  keyStep: "Alt + ↑ ↓",
  keyStepMeans: "Previous or next conversation",
  keySend: "Enter",
  keySendMeans: "Send, or open",
  keyLine: "Shift + Enter",
  keyLineMeans: "New line in a message",
  keyEscape: "Esc",
  keyEscapeMeans: "Close a dialog or menu",
  signIn: "Sign in",
  signInAnother: "Sign in as somebody else?",
  signInMeans: (now: string, then: string) =>
    `You are ${now} here. The link that you have opened signs you in as ${then}. What you have as ${now} stays in this browser.`,
  signOut: "Sign out",
  signOutSure: "Sign out of this browser?",
  signOutMeans:
    "Deletes your conversations, names and settings in this browser, and what has not been sent. The server still has the conversations: sign in again to see them.",
  forgetHeading: "Forget everything",
  forgetMeans:
    "Deletes your ID, your conversations, names and settings, in this browser and at the server. Those you talk with see that it is over. What they have received stays with them.",
  forgetSure: "This cannot be undone. Delete everything now?",
  forgetYes: "Delete everything",
  about: "About",
  aboutText:
    "Duologue carries private conversations between two people who both agreed. It is free software that runs on the server whose address you see above.",
};

export const t = catalogue(english, { de: () => import("./texts.de") });
export type English = typeof english;
