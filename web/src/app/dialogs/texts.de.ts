/** Was Dialoge sagen, auf Deutsch. */
import type { Translated } from "../../shared/i18n";
import type { English } from "./texts";

export default {
  close: "Schließen",
  cancel: "Abbrechen",
  save: "Speichern",
  connect: "Verbinden",
  notNow: "Jetzt nicht",
  tryAgain: "Noch einmal versuchen",
  of: (action, name) => `${action}: ${name}`,

  contactHeading: "Bei jemandem anfragen",
  contactExplain: "Man sieht dort deinen Namen und deine Notiz, und sonst nichts vor der Zusage.",
  address: "ID oder Link",
  addressMissing: "Gib die ID oder den Link der Person ein, mit der du sprechen möchtest.",
  addressUnclear: "Das ist weder eine ID noch ein Link dieses Servers.",
  addressElsewhere: (host) =>
    `Dieser Link führt zu einem anderen Server, ${host}. Öffne ihn stattdessen im Browser.`,
  addressOwn: "Das ist deine eigene ID.",
  isInvitation: "Das ist eine Einladung: Ihr werdet sofort verbunden.",
  note: "Notiz (wenn du möchtest)",
  noteCount: (count, most) => `${count} von ${most} Zeichen`,
  sendRequest: "Anfrage senden",
  requestSent: (name) => `Deine Anfrage an ${name} ist gesendet`,
  scan: "QR-Code scannen",
  stopScanning: "Kamera ausschalten",
  noCamera: "Die Kamera lässt sich nicht benutzen.",
  youBlocked:
    "Du hast diese Person blockiert. Um mit ihr zu sprechen, hebe die Blockierung erst auf.",
  unblockAndAsk: "Blockierung aufheben und anfragen",

  ownCodeHeading: "Dein QR-Code",
  ownCodeExplain: "Wer ihn scannt oder den Link öffnet, kann bei dir anfragen.",
  ownCode: "QR-Code mit einem Link zu deiner ID",
  copyLink: "Link kopieren",
  linkCopied: "Der Link ist kopiert",
  copyFailed:
    "Der Browser lässt diese Seite nicht kopieren. Wähle den Text aus und kopiere ihn selbst.",
  share: "Teilen …",

  inviteHeading: "Mit Link einladen",
  inviteMaking: "Die Einladung wird gemacht …",
  inviteExplain: (ends) =>
    `Wer diesen Link zuerst öffnet, wird ohne Anfrage sofort mit dir verbunden. Er endet ${ends}.`,
  inviteCode: "QR-Code mit der Einladung",
  revoke: "Einladung zurücknehmen",
  revoked: "Die Einladung gilt nicht mehr",
  hasCome: "ist jetzt mit dir verbunden.",
  openConversation: "Unterhaltung öffnen",

  redeemHeading: "Du hast eine Einladung",
  redeemAsk: "Mit der Person verbinden, die dir diese Einladung geschickt hat?",
  redeemMeans: "Dann könnt ihr einander schreiben. Beide können das jederzeit beenden.",
  invitationOwn:
    "Das ist deine eigene Einladung. Schick ihren Link der Person, mit der du sprechen willst.",
  invitationOver: "Diese Einladung ist falsch, schon benutzt, oder vorbei. Bitte um eine neue.",

  block: "Blockieren",
  blockWhom: (name) => `${name} blockieren?`,
  blockMeans:
    "Man kann dich von dort nicht mehr erreichen und erfährt nicht, warum. Eine Unterhaltung endet; was gesagt wurde, kannst du lesen, bis du sie entfernst. In den Einstellungen kannst du die Blockierung aufheben.",
  closeLink: "Unterhaltung schließen",
  closeWhom: (name) => `Unterhaltung mit ${name} schließen?`,
  closeMeans:
    "Keiner von euch kann mehr schreiben, und was gesagt wurde, wird hier gelöscht. Um wieder zu sprechen, muss einer neu anfragen.",
  remove: "Unterhaltung entfernen",
  removeWhom: (name) => `Unterhaltung mit ${name} entfernen?`,
  removeMeans: "Was gesagt wurde, wird hier gelöscht.",

  renameHeading: "Für mich umbenennen",
  nameForMe: "Name",
  renameHint:
    "Diesen Namen siehst nur du. Lass ihn leer für den Namen, den man sich dort selbst gibt.",

  settings: "Einstellungen",
  notifications: "Benachrichtigungen",
  notifyMe: "Nachrichten und Anfragen melden, solange ich diese Seite nicht sehe",
  notifyDenied:
    "Der Browser erlaubt es nicht. Das lässt sich in seinen Einstellungen für diese Seite ändern.",
  notifyImpossible: "Dieser Browser kann nichts melden.",
  language: "Sprache",
  languageAuto: "Wie im Browser",
  blockedPeople: "Blockierte Personen",
  nobodyBlocked: "Du hast niemanden blockiert.",
  unblock: "Blockierung aufheben",
  keyboard: "Tastatur",
  keyList: "↑ ↓",
  keyListMeans: "In der Liste der Unterhaltungen bewegen",
  keyStep: "Alt + ↑ ↓",
  keyStepMeans: "Vorige oder nächste Unterhaltung",
  keySend: "Eingabe",
  keySendMeans: "Senden oder öffnen",
  keyLine: "Umschalt + Eingabe",
  keyLineMeans: "Neue Zeile in einer Nachricht",
  keyEscape: "Esc",
  keyEscapeMeans: "Dialog oder Menü schließen",
  signIn: "Anmelden",
  signInAnother: "Als jemand anderes anmelden?",
  signInMeans: (now, then) =>
    `Du bist hier ${now}. Der Link, den du geöffnet hast, meldet dich als ${then} an. Was du als ${now} hast, bleibt in diesem Browser.`,
  signOut: "Abmelden",
  signOutSure: "In diesem Browser abmelden?",
  signOutMeans:
    "Löscht deine Unterhaltungen, Namen und Einstellungen in diesem Browser, auch was noch nicht gesendet ist. Der Server hat die Unterhaltungen noch: Melde dich wieder an, um sie zu sehen.",
  forgetHeading: "Alles vergessen",
  forgetMeans:
    "Löscht deine ID, deine Unterhaltungen, Namen und Einstellungen, in diesem Browser und auf dem Server. Mit wem du sprichst, sieht, dass es vorbei ist. Was dort angekommen ist, bleibt dort.",
  forgetSure: "Das lässt sich nicht rückgängig machen. Jetzt alles löschen?",
  forgetYes: "Alles löschen",
  about: "Über Duologue",
  aboutText:
    "Duologue trägt private Unterhaltungen zwischen zwei Menschen, die beide zugestimmt haben. Es ist freie Software und läuft auf dem Server, dessen Adresse oben steht.",
} satisfies Translated<English>;
