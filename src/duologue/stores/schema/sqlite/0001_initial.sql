-- Times of expiry are seconds since the epoch; last_seen and at are milliseconds.
CREATE TABLE identities (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    kept INTEGER NOT NULL,
    expires_at REAL,
    last_seen INTEGER,
    queued INTEGER NOT NULL
) WITHOUT ROWID;

-- requester and blockers name sides: 1 is low, 2 is high, 3 in blockers both.
CREATE TABLE pairs (
    number INTEGER PRIMARY KEY,
    low TEXT NOT NULL,
    high TEXT NOT NULL,
    state TEXT NOT NULL,
    requester INTEGER,
    silent INTEGER NOT NULL,
    note TEXT,
    expires_at REAL NOT NULL,
    blockers INTEGER NOT NULL,
    low_cooldown REAL NOT NULL,
    high_cooldown REAL NOT NULL,
    seq INTEGER NOT NULL,
    first INTEGER NOT NULL,
    low_got INTEGER NOT NULL,
    low_delivered INTEGER NOT NULL,
    low_read INTEGER NOT NULL,
    high_got INTEGER NOT NULL,
    high_delivered INTEGER NOT NULL,
    high_read INTEGER NOT NULL,
    UNIQUE (low, high)
);

-- Messages lie in the order in which they are read. content is as stores/content.py has it.
CREATE TABLE messages (
    pair INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sender INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    retry INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (pair, seq)
) WITHOUT ROWID;

-- Only what its sender may send again is ever looked for by its ID.
CREATE UNIQUE INDEX retries ON messages (pair, sender, id) WHERE retry;

CREATE TABLE tokens (
    digest BLOB NOT NULL PRIMARY KEY,
    client TEXT NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX tokens_of ON tokens (client, expires_at);

CREATE TABLE invites (
    digest BLOB NOT NULL PRIMARY KEY,
    maker TEXT NOT NULL,
    uses INTEGER NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX invites_of ON invites (maker);
