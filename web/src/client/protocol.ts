/**
 * The events of docs/protocol.md as types.
 *
 * Made from the server's own structs by `make protocol`; a test fails when it is out of date.
 */

/** Why something was refused; see docs/protocol.md, section 7. */
export type ErrorCode =
  | "not_found"
  | "not_linked"
  | "no_request"
  | "blocked"
  | "from_mismatch"
  | "invalid"
  | "too_large"
  | "rate_limited"
  | "unauthorized"
  | "expired"
  | "overloaded"
  | "unavailable";

// What a client connects with.

/** The payload with which a client connects; other keys than these are ignored. */
export interface Auth {
  readonly name?: string | null;
  readonly keep?: boolean;
  readonly resumeToken?: string | null;
  readonly token?: string | null;
  readonly since?: Readonly<Record<string, number>>;
}

// What a client asks for.

/** Say something to `target`; `id` makes it safe to ask again. */
export interface SendMessage {
  readonly targetClientId: string;
  readonly message: unknown;
  readonly id?: string | null;
  readonly from?: string | null;
}

export interface RequestLink {
  readonly targetClientId: string;
  readonly note?: string | null;
}

export interface AcceptLink {
  readonly targetClientId: string;
}

export interface DeclineLink {
  readonly targetClientId: string;
}

export interface CancelRequest {
  readonly targetClientId: string;
}

export interface CloseLink {
  readonly targetClientId: string;
}

export interface Block {
  readonly targetClientId: string;
}

export interface Unblock {
  readonly targetClientId: string;
}

export interface SendTyping {
  readonly targetClientId: string;
  readonly typing?: boolean;
}

export interface SendSignal {
  readonly targetClientId: string;
  readonly data: unknown;
}

/** How far the sender has got with what `target` wrote: sequence numbers, cumulative. */
export interface SendReceipt {
  readonly targetClientId: string;
  readonly delivered?: number | null;
  readonly read?: number | null;
}

/** A page of a conversation: at most `limit` messages with numbers below `before`. */
export interface ReadHistory {
  readonly targetClientId: string;
  readonly before?: number | null;
  readonly limit?: number;
}

/** Agree in advance to whoever has the code; `ttl` in seconds. */
export interface CreateInvite {
  readonly ttl?: number | null;
  readonly uses?: number;
}

export interface RedeemInvite {
  readonly code: string;
}

export interface RevokeInvite {
  readonly code: string;
}

/** End this identity now and delete what is kept of it. */
export type Forget = Readonly<Record<string, never>>;

/** Stay connected for longer, by a new token of the same client. */
export interface RenewToken {
  readonly token: string;
}

// What it is answered.

/** A message of a link as it is kept. */
export interface StoredMessage {
  readonly from: string;
  readonly content: unknown;
  readonly id: string;
  readonly seq: number;
  readonly at: number;
}

export interface Done {
  readonly ok: true;
}

export interface RequestReply {
  readonly state: "linked" | "requested";
  readonly expiresAt?: number;
  readonly ok: true;
}

/**
 * Of a message that is kept: `seq` counts those of a link, `at` is in milliseconds since the epoch,
 * and `status` is whether it went to a live session or waits.
 */
export interface MessageReply {
  readonly id: string;
  readonly seq: number;
  readonly at: number;
  readonly status: "delivered" | "stored";
  readonly ok: true;
}

/** `more` is whether there are messages before these, which are in order of their numbers. */
export interface HistoryReply {
  readonly messages: readonly StoredMessage[];
  readonly more: boolean;
  readonly ok: true;
}

export interface InviteReply {
  readonly code: string;
  readonly url: string;
  readonly expiresAt: number;
  readonly ok: true;
}

export interface RedeemReply {
  readonly clientId: string;
  readonly ok: true;
}

/** `expires_at` is when the session ends unless it is renewed again, if it does. */
export interface TokenReply {
  readonly expiresAt?: number;
  readonly ok: true;
}

/** Why a command was refused, as it is sent. `retry_after` in seconds. */
export interface Refusal {
  readonly error: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfter?: number;
  readonly targetClientId?: string;
  readonly id?: string;
}

// What a client is told.

/**
 * `delivered` and `read` are how far the peer says that it has got, `unread` how many of its
 * messages this client has not said to have read. `history_from` is there when messages that this
 * client has missed are no longer kept: the number of the first one that is. `first` is there when
 * the link has been made anew: the number of its own first message, said or not yet.
 */
export interface LinkEntry {
  readonly peer: string;
  readonly name: string | null;
  readonly online: boolean;
  readonly lastSeen: number | null;
  readonly seq: number;
  readonly unread: number;
  readonly delivered: number;
  readonly read: number;
  readonly historyFrom?: number;
  readonly first?: number;
}

export interface SentRequestEntry {
  readonly to: string;
  readonly note: string | null;
  readonly expiresAt: number;
}

/** `resume_token` is there for an identity that is kept. */
export interface ClientIdGiven {
  readonly clientId: string;
  readonly resumeToken?: string;
}

/** A client's links, the requests it has got, and those that it has made. */
export interface Links {
  readonly links: readonly LinkEntry[];
  readonly requests: readonly LinkRequested[];
  readonly requested: readonly SentRequestEntry[];
}

/** `to` is there for the sender's other sessions only; the rest for a message on a link. */
export interface MessageReceived {
  readonly from: string;
  readonly content: unknown;
  readonly id?: string;
  readonly seq?: number;
  readonly at?: number;
  readonly to?: string;
}

export interface LinkRequested {
  readonly from: string;
  readonly name: string | null;
  readonly note: string | null;
  readonly expiresAt: number;
}

export interface LinkEstablished {
  readonly peer: string;
  readonly name: string | null;
}

/** `own` is there for the other sessions of the client that has declined itself only. */
export interface LinkDeclined {
  readonly peer: string;
  readonly own?: boolean;
}

/** `own` is there for the other sessions of the client that has cancelled itself only. */
export interface LinkCancelled {
  readonly peer: string;
  readonly own?: boolean;
}

/** `own` is there for the other sessions of the client that has closed it itself only. */
export interface LinkClosed {
  readonly peer: string;
  readonly own?: boolean;
}

export interface LinkExpired {
  readonly peer: string;
}

export interface Typing {
  readonly from: string;
  readonly typing: boolean;
}

export interface Presence {
  readonly clientId: string;
  readonly online: boolean;
  readonly lastSeen: number | null;
}

export interface SignalReceived {
  readonly from: string;
  readonly data: unknown;
}

/** `to` is there for the other sessions of the client that says so only. */
export interface Receipt {
  readonly from: string;
  readonly delivered: number;
  readonly read: number;
  readonly to?: string;
}

/** Somebody tried a code that has been used up: it may have got into wrong hands. */
export interface InviteCrowded {
  readonly code: string;
}

export type Draining = Readonly<Record<string, never>>;

/** A `Refusal` with the name of the event that was refused. */
export interface RefusedEvent {
  readonly event: string;
  readonly error: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfter?: number;
  readonly targetClientId?: string;
}

/** From client to server: what an event carries, and what answers it. */
export interface ClientEvents {
  readonly message: { payload: SendMessage; reply: MessageReply };
  readonly link_request: { payload: RequestLink; reply: RequestReply };
  readonly link_accept: { payload: AcceptLink; reply: Done };
  readonly link_decline: { payload: DeclineLink; reply: Done };
  readonly link_cancel: { payload: CancelRequest; reply: Done };
  readonly link_close: { payload: CloseLink; reply: Done };
  readonly block: { payload: Block; reply: Done };
  readonly unblock: { payload: Unblock; reply: Done };
  readonly typing: { payload: SendTyping; reply: Done };
  readonly signal: { payload: SendSignal; reply: Done };
  readonly receipt: { payload: SendReceipt; reply: Done };
  readonly history: { payload: ReadHistory; reply: HistoryReply };
  readonly invite_create: { payload: CreateInvite; reply: InviteReply };
  readonly invite_redeem: { payload: RedeemInvite; reply: RedeemReply };
  readonly invite_revoke: { payload: RevokeInvite; reply: Done };
  readonly forget: { payload: Forget; reply: Done };
  readonly token: { payload: RenewToken; reply: TokenReply };
}

/** From server to client: what an event carries. */
export interface ServerEvents {
  readonly client_id: ClientIdGiven;
  readonly links: Links;
  readonly message: MessageReceived | Refusal;
  readonly link_requested: LinkRequested;
  readonly link_established: LinkEstablished;
  readonly link_declined: LinkDeclined;
  readonly link_cancelled: LinkCancelled;
  readonly link_closed: LinkClosed;
  readonly link_expired: LinkExpired;
  readonly typing: Typing;
  readonly presence: Presence;
  readonly signal: SignalReceived;
  readonly receipt: Receipt;
  readonly invite_crowded: InviteCrowded;
  readonly draining: Draining;
  readonly refused: RefusedEvent;
}
