"""What `postgres` says to its database. The tables are in `schema/postgres`."""

from __future__ import annotations

from typing import Final

# The connection and the schema

# An answer to a sender means that its message is on a disk, whatever the server's default is; what
# a server waits for beyond that is its own affair. All decisions are made under locks and read what
# was kept last, for which the isolation has to be this one. The times keep a node that hangs from
# holding up the others for good.
SETTINGS: Final = """
SELECT set_config('default_transaction_isolation', 'read committed', false),
       set_config('lock_timeout', '10s', false),
       set_config('idle_in_transaction_session_timeout', '60s', false),
       CASE current_setting('synchronous_commit') WHEN 'off'
       THEN set_config('synchronous_commit', 'on', false) END
"""

LOCK_SCHEMA: Final = """
SELECT set_config('lock_timeout', '0', true), pg_advisory_xact_lock(7164779862167909735)
"""
HAS_VERSION: Final = "SELECT to_regclass('schema_version') IS NOT NULL"
CREATE_VERSION: Final = """
CREATE TABLE schema_version (version integer NOT NULL);
INSERT INTO schema_version VALUES (0)
"""
VERSION: Final = "SELECT version FROM schema_version"
SET_VERSION: Final = "UPDATE schema_version SET version = %s"

# Clients

# Whatever changes a client, the number of messages that wait for it included, gives it another xmin
LOCK: Final = """
SELECT id, xmin FROM identities WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
LOCK_NOW: Final = LOCK + "NOWAIT"

_COUNTED: Final = """
SELECT i.xmin, i.id, i.name, i.kept, i.expires_at, i.last_seen, i.queued, c.sent, c.received,
       c.links, c.blocks
FROM identities i CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'requested' AND requester = i.id) AS sent,
           count(*) FILTER (WHERE state = 'requested' AND requester <> i.id AND NOT silent)
               AS received,
           count(*) FILTER (WHERE state = 'linked') AS links,
           count(*) FILTER (WHERE blocks) AS blocks
    FROM (
        SELECT state, requester, silent, low_blocks AS blocks FROM pairs WHERE low = i.id
        UNION ALL
        SELECT state, requester, silent, high_blocks FROM pairs WHERE high = i.id
    ) p
) c
"""
IDENTITY: Final = _COUNTED + "WHERE i.id = %s"
IDENTITIES: Final = _COUNTED + "WHERE i.id = ANY(%s) ORDER BY i.expires_at, i.id"

# What somebody else decides about at this moment is found the next time, if it is still to be found

ENDED: Final = """
SELECT id FROM identities WHERE kept AND expires_at <= %s ORDER BY expires_at LIMIT %s
FOR NO KEY UPDATE SKIP LOCKED
"""
EPHEMERAL: Final = """
SELECT id FROM identities WHERE NOT kept ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
PRESENT: Final = """
SELECT id FROM identities WHERE kept AND expires_at IS NULL ORDER BY id LIMIT %s
FOR NO KEY UPDATE SKIP LOCKED
"""

ADD_IDENTITY: Final = """
INSERT INTO identities (id, name, kept, expires_at, last_seen, queued)
VALUES (%(id)s, %(name)s, %(kept)s, %(expires_at)s, %(last_seen)s, %(queued)s)
ON CONFLICT (id) DO NOTHING
"""
PUT_IDENTITY: Final = """
UPDATE identities SET
    name = %(name)s, kept = %(kept)s, expires_at = %(expires_at)s, last_seen = %(last_seen)s,
    queued = %(queued)s
WHERE id = %(id)s
"""
# All that belongs to it goes with it
DROP_IDENTITY: Final = "DELETE FROM identities WHERE id = %s"

TOKEN: Final = "SELECT digest, client, expires_at FROM tokens WHERE digest = %s"
PUT_TOKEN: Final = """
INSERT INTO tokens (digest, client, expires_at) VALUES (%s, %s, %s)
ON CONFLICT (digest) DO UPDATE SET client = excluded.client, expires_at = excluded.expires_at
"""
DROP_TOKENS: Final = """
DELETE FROM tokens WHERE digest IN (
    SELECT digest FROM tokens WHERE client = %s AND (expires_at >= %s) = %s
    ORDER BY expires_at DESC, digest OFFSET %s
)
"""

INVITE: Final = "SELECT digest, maker, uses, expires_at FROM invites WHERE digest = %s"
INVITES: Final = "SELECT count(*) FROM invites WHERE maker = %s"
PUT_INVITE: Final = """
INSERT INTO invites (digest, maker, uses, expires_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (digest) DO UPDATE SET
    maker = excluded.maker, uses = excluded.uses, expires_at = excluded.expires_at
"""
DROP_INVITE: Final = "DELETE FROM invites WHERE digest = %s"

# Pairs

_PAIRS: Final = """
SELECT low, high, state, requester, silent, note, expires_at, low_blocks, high_blocks,
       low_cooldown, high_cooldown, seq, first, low_got, low_delivered, low_read, high_got,
       high_delivered, high_read
FROM pairs
"""
PAIR: Final = _PAIRS + "WHERE low = %s AND high = %s"
PAIRS: Final = _PAIRS + "WHERE low = %s OR high = %s"
DUE: Final = """
SELECT p.id, p.low, p.high FROM pairs p
JOIN identities l ON l.id = p.low JOIN identities h ON h.id = p.high
WHERE p.state = 'requested' AND p.expires_at <= %s ORDER BY p.expires_at LIMIT %s
FOR NO KEY UPDATE OF l, h SKIP LOCKED
"""
STILL_DUE: Final = (
    _PAIRS + "WHERE id = ANY(%s) AND state = 'requested' AND expires_at <= %s ORDER BY expires_at"
)
NEXT_DUE: Final = "SELECT min(expires_at) FROM pairs WHERE state = 'requested'"

PUT_PAIR: Final = """
INSERT INTO pairs (
    low, high, state, requester, silent, note, expires_at, low_blocks, high_blocks,
    low_cooldown, high_cooldown, seq, first, low_got, low_delivered, low_read, high_got,
    high_delivered, high_read
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (low, high) DO UPDATE SET
    state = excluded.state, requester = excluded.requester, silent = excluded.silent,
    note = excluded.note, expires_at = excluded.expires_at,
    low_blocks = excluded.low_blocks, high_blocks = excluded.high_blocks,
    low_cooldown = excluded.low_cooldown, high_cooldown = excluded.high_cooldown,
    seq = excluded.seq, first = excluded.first,
    low_got = excluded.low_got, low_delivered = excluded.low_delivered,
    low_read = excluded.low_read, high_got = excluded.high_got,
    high_delivered = excluded.high_delivered, high_read = excluded.high_read
"""
DROP_PAIR: Final = "DELETE FROM pairs WHERE low = %s AND high = %s"

# Messages

# Two who write to each other without a link
MEET: Final = """
INSERT INTO pairs (
    low, high, state, silent, expires_at, low_blocks, high_blocks, low_cooldown, high_cooldown,
    seq, first, low_got, low_delivered, low_read, high_got, high_delivered, high_read
) VALUES (%s, %s, 'none', false, 0, false, false, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
ON CONFLICT (low, high) DO NOTHING
"""

# All or nothing, and only if the number is the next one and the link still open: there is no other
# way for a message to get into this table.
ADD_MESSAGE: Final = """
WITH pair AS (
    UPDATE pairs SET seq = seq + 1
    WHERE low = %(low)s AND high = %(high)s AND seq = %(seq)s - 1
        AND (state = 'linked' OR NOT %(linked)s)
    RETURNING id
), pushed_out AS (
    DELETE FROM messages m USING pair WHERE m.pair = pair.id AND m.seq <= %(gone)s
), waiting AS (
    UPDATE identities i SET queued = queued + 1 FROM pair
    WHERE i.id = %(target)s AND NOT %(delivered)s
)
INSERT INTO messages (pair, seq, from_low, id, at, delivered, retry, content)
SELECT pair.id, %(seq)s, %(from_low)s, %(id)s, %(at)s, %(delivered)s, %(retry)s, %(content)s
FROM pair
"""

EARLIER: Final = """
SELECT m.seq, m.at, m.delivered FROM messages m JOIN pairs p ON p.id = m.pair
WHERE p.low = %s AND p.high = %s AND m.from_low = %s AND m.id = %s AND m.retry
"""
MESSAGES: Final = """
SELECT m.seq, m.from_low, m.id, m.at, m.content FROM messages m JOIN pairs p ON p.id = m.pair
WHERE p.low = %s AND p.high = %s AND m.seq > %s AND m.content <> '' ORDER BY m.seq LIMIT %s
"""
MESSAGES_BEFORE: Final = """
SELECT m.seq, m.from_low, m.id, m.at, m.content FROM messages m JOIN pairs p ON p.id = m.pair
WHERE p.low = %s AND p.high = %s AND m.seq < %s AND m.content <> ''
ORDER BY m.seq DESC LIMIT %s
"""
UNREAD: Final = """
SELECT count(*) FROM (
    SELECT 1 FROM messages m JOIN pairs p ON p.id = m.pair
    WHERE p.low = %s AND p.high = %s AND m.from_low = %s AND m.seq > %s AND m.content <> ''
    LIMIT %s
) u
"""
WAITING: Final = """
SELECT count(*) FROM messages m JOIN pairs p ON p.id = m.pair
WHERE p.low = %s AND p.high = %s AND m.from_low = %s AND m.seq >= %s AND m.at > %s
    AND m.content <> ''
"""
DELIVERED: Final = """
WITH delivered AS (
    SELECT m.pair, m.seq, m.retry FROM messages m JOIN pairs p ON p.id = m.pair
    WHERE p.low = %s AND p.high = %s AND m.seq <= %s AND m.content <> ''
), erased AS (
    UPDATE messages m SET content = '' FROM delivered d
    WHERE m.pair = d.pair AND m.seq = d.seq AND d.retry
)
DELETE FROM messages m USING delivered d WHERE m.pair = d.pair AND m.seq = d.seq AND NOT d.retry
"""

# Of what two nodes prune at once, each takes what the other has not. The rows are named by where
# they lie, and locked there, for a join would read the whole table.

PRUNE_MESSAGES: Final = """
DELETE FROM messages WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM messages WHERE at < %s ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
PRUNE_ERASED: Final = """
DELETE FROM messages WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM messages WHERE at < %s AND content = '' ORDER BY at LIMIT %s
    FOR UPDATE SKIP LOCKED
))
"""
PRUNE_TOKENS: Final = """
DELETE FROM tokens WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM tokens WHERE expires_at <= %s ORDER BY expires_at LIMIT %s
    FOR UPDATE SKIP LOCKED
))
"""
PRUNE_INVITES: Final = """
DELETE FROM invites WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM invites WHERE expires_at <= %s ORDER BY expires_at LIMIT %s
    FOR UPDATE SKIP LOCKED
))
"""
